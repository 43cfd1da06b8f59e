"""Criss-cross attention over growing maps: memory, and time."""

from __future__ import annotations

from benchmarks.agreement import create_both
from benchmarks.machine import stopwatch
from benchmarks.measuring import Settings, forward_call, training_call
from benchmarks.memory import peak_bytes
from benchmarks.racing import race, summarise
from benchmarks.results import CrissCross

__all__ = ["SIZES", "measure"]

CHANNELS = 64
SIZES = ((48, 48), (64, 64), (96, 96), (128, 128))


def measure(size: tuple[int, int], settings: Settings) -> CrissCross:
    """Measure one image of one size, ours and the textbook's."""
    x = settings.randn(1, CHANNELS, *size)
    gradient = settings.randn(1, CHANNELS, *size)
    blocks = {
        column: block.to(settings.device, settings.dtype)
        for column, block in zip(
            ("ours", "textbook"),
            create_both("criss_cross", CHANNELS, size),
            strict=True,
        )
    }
    forward = {
        column: forward_call(block.eval(), x) for column, block in blocks.items()
    }
    extra = {
        column: peak_bytes(call, settings.device) - x.nbytes
        for column, call in forward.items()
    }
    watch = stopwatch(settings.device)
    times = summarise(race(forward, settings.seconds, watch), "ours")
    training = {
        column: training_call(block.train(), x, gradient)
        for column, block in blocks.items()
    }
    return CrissCross(
        size=size,
        extra_bytes=extra,
        training_bytes={
            column: peak_bytes(call, settings.device)
            for column, call in training.items()
        },
        times=times,
        training_times=summarise(race(training, settings.seconds, watch), "ours"),
    )
