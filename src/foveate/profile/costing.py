"""Say all that a network costs."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from foveate.profile import timing
from foveate.profile._checking import check_shapes
from foveate.profile.budget import too_much, warn
from foveate.profile.counting import count, count_call
from foveate.profile.following import memory, predicted_or_none, without_memory
from foveate.records import Cost
from foveate.surgery.running import device_and_dtype, inputs_of, undisturbed

__all__ = ["cost", "dtype_name"]


def cost(
    model: nn.Module,
    *shapes: Sequence[int],
    latency: bool = True,
    compile: bool = False,  # noqa: A002 - as torch.compile
    seconds: float = 0.3,
    threads: int | None = None,
    budget_bytes: int | None = None,
) -> Cost:
    """Return all that a network or a block costs: size, work, time and memory.

    See ``count`` for the first two and ``memory`` for the last. The network is left as
    it was. One on the ``meta`` device is not timed. One that would take more memory
    than the budget is not run at all: a warning says so.

    Args:
        model: Takes one feature map or a batch of images, or several as a fusion does.
        *shapes: Of each of its inputs, ``(B, C, H, W)``. Work grows with ``B``.
        latency: Whether to time it.
        compile: Whether to time it under ``torch.compile``; the rest is that of the
            network as it is.
        seconds: How long to time it, at least.
        threads: How many threads of the CPU it gets; as many as torch has if not given.
        budget_bytes: What it may take at once; half of what is free on its device if
            not given.

    Raises:
        OptionError: There is no shape, one is not four whole numbers greater than 0, or
            ``seconds`` or ``threads`` is not greater than 0.

    Warns:
        CostWarning: It would take more memory than the budget.

    Example:
        >>> found = cost(nn.Conv2d(3, 8, 3, padding=1), (1, 3, 5, 4), seconds=0.01)
        >>> found.parameters, found.macs  # 8 * 3 * 9 + 8, and 8 * 3 * 9 * 5 * 4
        (224, 4320)
        >>> found.memory.peak_bytes  # 8 * 5 * 4 numbers of 4 bytes
        640
    """
    check_shapes("cost", shapes)
    device, dtype = device_and_dtype(model)
    said = {"device": str(device), "dtype": dtype_name(dtype)}
    expected = predicted_or_none(model, shapes)
    if expected is not None and device.type != "meta":
        why = too_much(expected.peak_bytes, budget_bytes, device)
        if why is not None:
            sizes = " and ".join(str(tuple(shape)) for shape in shapes)
            warn(f"{type(model).__name__} on {sizes} was not run: it {why}")
            with without_memory(model, shapes) as (fake, inputs):
                counted = count_call(fake, inputs)
            return counted.model_copy(update={"memory": expected} | said)
    counted = count(model, *shapes)
    if expected is None or device.type == "cuda":
        expected = memory(model, *shapes)
    time = None
    if latency and device.type != "meta":
        (given, _) = inputs_of(model, tuple(tuple(shape) for shape in shapes))
        run = torch.compile(model, dynamic=False) if compile else model
        with undisturbed(model):
            rounds = timing.interleaved(
                [lambda: run(*given)], seconds=seconds, threads=threads
            )
        time = rounds.latency(0)
    return counted.model_copy(update={"memory": expected, "latency": time} | said)


def dtype_name(dtype: torch.dtype) -> str:
    """Return ``float32`` for ``torch.float32``."""
    return str(dtype).removeprefix("torch.")
