"""Time several candidates side by side, so that all meet the same weather."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter

from benchmarks.statistics import median, quartile_range

__all__ = ["Time", "against", "race", "summarise"]

FEWEST_ROUNDS, MOST_ROUNDS = 3, 60
SHORTEST_TURN_MS = 2.0
LONG_MS = 1000.0


@dataclass(frozen=True)
class Time:
    """How long one candidate took, over all rounds.

    Attributes:
        median_ms: Milliseconds of a call.
        iqr_ms: Between the quartiles of those.
        rounds: How often it was measured.
        against_ours: The median of its time over ours in the same round.
    """

    median_ms: float
    iqr_ms: float
    rounds: int
    against_ours: float


def race(
    calls: Mapping[str, Callable[[], object]],
    seconds: float,
    watch: Callable[[Callable[[], object]], float],
) -> dict[str, list[float]]:
    """Return the milliseconds of each call, round by round.

    Every round gives each candidate a turn, in an order drawn anew. A turn is one
    call, or several of a short one. All are warm before the first round: a call of
    less than a second has run three times by then, a longer one once.

    Args:
        calls: What to time, by name.
        seconds: Rounds end after so long, but not before the third.
        watch: Returns the milliseconds of a call.
    """
    repeats = {}
    for name, call in calls.items():
        took = watch(call)
        if took < LONG_MS:
            call()
            took = watch(call)
        repeats[name] = max(1, math.ceil(SHORTEST_TURN_MS / max(took, 1e-3)))
    names = list(calls)
    times: dict[str, list[float]] = {name: [] for name in names}
    end = perf_counter() + seconds
    for number in range(MOST_ROUNDS):
        if number >= FEWEST_ROUNDS and perf_counter() > end:
            break
        # what runs before leaves its maps in the cache, so that nobody may keep a place
        for name in random.Random(number).sample(names, len(names)):
            turn = _repeated(calls[name], repeats[name])
            times[name].append(watch(turn) / repeats[name])
    return times


def against(times: Mapping[str, list[float]], name: str, ours: str) -> float:
    """Return the median of ``name``'s time over that of ``ours`` in the same round."""
    return median(
        [one / other for one, other in zip(times[name], times[ours], strict=True)]
    )


def summarise(times: Mapping[str, list[float]], ours: str) -> dict[str, Time]:
    """Return the medians of a race."""
    return {
        name: Time(
            median_ms=median(values),
            iqr_ms=quartile_range(values),
            rounds=len(values),
            against_ours=against(times, name, ours),
        )
        for name, values in times.items()
    }


def _repeated(call: Callable[[], object], count: int) -> Callable[[], object]:
    def turn() -> None:
        for _ in range(count):
            call()

    return turn if count > 1 else call
