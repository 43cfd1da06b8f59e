"""From values to places on an axis, as shares of its length."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from foveate.report.numerals import MINUS, shorten

__all__ = ["AddedScale", "Scale", "fit_scale"]

_PADDING = 0.05
_MANY_POWERS = 5


@dataclass(frozen=True)
class Scale:
    """An axis with even steps.

    Attributes:
        low: The value at its start.
        high: The value at its end.
    """

    low: float
    high: float

    def place(self, value: float) -> float:
        """Return where ``value`` lies, from 0 to 1; beyond an end, that end."""
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)

    def holds(self, value: float) -> bool:
        """Return whether ``value`` lies on the axis."""
        return self.low <= value <= self.high

    def ticks(self, most: int = 5) -> tuple[float, ...]:
        """Return round values on the axis, with at most ``most`` steps between them."""
        raw = (self.high - self.low) / most
        power = 10.0 ** math.floor(math.log10(raw))
        for factor in (1, 2, 5, 10):
            step = factor * power
            first, last = math.ceil(self.low / step), math.floor(self.high / step)
            if last - first <= most:
                break
        return tuple(step * n for n in range(first, last + 1))

    def label(self, tick: float) -> str:
        """Return what stands at a tick."""
        return f"{round(tick, 6):g}".replace("-", MINUS)


def fit_scale(
    shown: Sequence[float],
    reach: Sequence[float] = (),
    *,
    least: float = 1.0,
    overhang: float = 0.5,
) -> Scale:
    """Return an axis that holds all of ``shown`` and, within limits, ``reach``.

    Args:
        shown: Values that must be on the axis.
        reach: Ends of intervals: the axis grows towards them by no more than
            ``overhang`` of the span of ``shown`` on either side.
        least: The axis spans at least this much.
        overhang: See ``reach``.
    """
    low, high = min(shown), max(shown)
    room = overhang * max(high - low, least)
    low = min(low, max(min((low, *reach)), low - room))
    high = max(high, min(max((high, *reach)), high + room))
    short = max(least - (high - low), 0.0)
    padding = _PADDING * max(high - low, least)
    return Scale(low - short / 2 - padding, high + short / 2 + padding)


@dataclass(frozen=True)
class AddedScale:
    """An axis of counts over powers of ten, with a slot of its own for zero.

    Attributes:
        first: Exponent at the start of the powers.
        last: Exponent at their end; equal to ``first`` if no count is above 0.
        with_zero: Whether there is a slot for counts of 0 or below.
    """

    first: int
    last: int
    with_zero: bool

    @classmethod
    def of(cls, counts: Sequence[int]) -> AddedScale:
        """Return the axis that holds all ``counts``."""
        above = [math.log10(value) for value in counts if value > 0]
        with_zero = len(above) < len(counts)
        if not above:
            return cls(0, 0, with_zero)
        first = math.floor(min(above))
        return cls(first, max(math.ceil(max(above)), first + 1), with_zero)

    def place(self, value: int) -> float:
        """Return where ``value`` lies, from 0 to 1."""
        if self.first == self.last:
            return 0.5
        if value <= 0:
            return 0.15
        start = 0.3 if self.with_zero else 0.16
        along = (math.log10(value) - self.first) / (self.last - self.first)
        return start + (0.94 - start) * along

    def ticks(self) -> tuple[int, ...]:
        """Return 0 if it has a slot, and the powers of ten, or every other of many."""
        stride = 1 if self.last - self.first < _MANY_POWERS else 2
        ends = (self.first, self.last + 1) if self.first < self.last else (0, 0)
        powers = range(*ends, stride)
        return (*((0,) if self.with_zero else ()), *(10**power for power in powers))

    def label(self, tick: int) -> str:
        """Return what stands at a tick."""
        return "0" if tick == 0 else "+" + shorten(tick).replace(".0", "")
