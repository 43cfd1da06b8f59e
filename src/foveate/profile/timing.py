"""Time calls in turns, so that whatever slows the machine slows all of them."""

from __future__ import annotations

import math
import os
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils import benchmark

from foveate.errors import OptionError
from foveate.profile._checking import quietly
from foveate.records import Latency, Quartiles

__all__ = ["Rounds", "interleaved", "latency", "pinned"]

Call = Callable[[], object]
Clock = Callable[[], float]

FEWEST_ROUNDS = 5
MOST_ROUNDS = 1000
SHORTEST_SECONDS = 0.001
"""Shorter calls are repeated, as a clock is not exact enough for one."""
TO_MS = 1000


class Rounds(NamedTuple):
    """Times of several calls that took turns.

    Attributes:
        times_ms: Of each call, its milliseconds in each round.
        threads: How many threads of the CPU they had.
    """

    times_ms: list[list[float]]
    threads: int

    def latency(self, call: int) -> Latency:
        """Return how long a call took, by its number."""
        spread = _quartiles(self.times_ms[call])
        return Latency(
            median_ms=spread.median,
            iqr_ms=spread.high - spread.low,
            runs=len(self.times_ms[call]),
            threads=self.threads,
        )

    def ratios(self, call: int, base: int) -> Quartiles:
        """Return the time of one call over that of another in the same round."""
        pairs = zip(self.times_ms[call], self.times_ms[base], strict=True)
        return _quartiles([time / max(other, 1e-9) for time, other in pairs])


def latency(
    function: Callable[..., Any],
    *inputs: Tensor,
    seconds: float = 0.3,
    threads: int | None = None,
) -> Latency:
    """Return how long a call takes, without gradients.

    A module runs in evaluation and is left as it was.

    Args:
        function: A module, or any function of tensors.
        *inputs: Of the function.
        seconds: How long to go on, at least; there are at least five runs.
        threads: How many threads of the CPU it gets; as many as torch has if not given.

    Raises:
        OptionError: ``seconds`` or ``threads`` is not greater than 0.

    Example:
        >>> latency(torch.sigmoid, torch.ones(1, 8, 3, 5), seconds=0.01).runs >= 5
        True
    """
    with quietly(function):
        rounds = interleaved(
            [lambda: function(*inputs)], seconds=seconds, threads=threads
        )
    return rounds.latency(0)


def interleaved(
    calls: Sequence[Call],
    *,
    seconds: float,
    threads: int | None = None,
    clock: Clock = benchmark.timer,
) -> Rounds:
    """Time calls in rounds in which each runs once, each round from another on.

    Args:
        calls: Functions without arguments. Each runs twice before, to warm up; one that
            is short runs several times in a round, and its time is the mean.
        seconds: How long to go on, at least; there are at least five rounds and at most
            a thousand.
        threads: How many threads of the CPU they get; as many as torch has if not
            given.
        clock: Seconds; that of torch waits for the device.

    Raises:
        OptionError: ``seconds`` or ``threads`` is not greater than 0.
    """
    if not seconds > 0:
        raise OptionError(f"seconds must be greater than 0, got {seconds}.")
    times: list[list[float]] = [[] for _ in calls]
    with pinned(threads) as count:
        repeats = [_repeats(call, clock) for call in calls]
        start = clock()
        for done in range(MOST_ROUNDS):
            if done >= FEWEST_ROUNDS and clock() - start >= seconds:
                break
            for turn in range(len(calls)):
                number = (done + turn) % len(calls)
                spent = _timed(calls[number], repeats[number], clock)
                times[number].append(spent * TO_MS)
    return Rounds(times, count)


@contextmanager
def pinned(threads: int | None) -> Iterator[int]:
    """Give torch so many threads of the CPU, and lend their number."""
    before = torch.get_num_threads()
    count = before if threads is None else threads
    most = max(os.cpu_count() or 1, before)
    if not 0 < count <= most:
        raise OptionError(
            f"threads must be from 1 to {most}, the cores of this machine, got "
            f"{threads}."
        )
    torch.set_num_threads(count)
    try:
        yield count
    finally:
        torch.set_num_threads(before)


def _repeats(call: Call, clock: Clock) -> int:
    """Return how often a call runs in a round, after warming it up."""
    call()
    once = _timed(call, 1, clock)
    return max(1, math.ceil(SHORTEST_SECONDS / max(once, 1e-6)))


def _timed(call: Call, repeats: int, clock: Clock) -> float:
    start = clock()
    for _ in range(repeats):
        call()
    return (clock() - start) / repeats


def _quartiles(values: Sequence[float]) -> Quartiles:
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Quartiles(low=low, median=median, high=high)
