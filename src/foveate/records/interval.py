"""An estimate, how sure it is, and what may be concluded from it."""

from __future__ import annotations

from typing import Literal

from foveate.records._record import Part

__all__ = ["Interval", "Verdict"]

Verdict = Literal["better", "worse", "cannot tell"]


class Interval(Part):
    """An estimate with its interval.

    Attributes:
        estimate: The mean over seeds.
        low: Lower end.
        high: Upper end.
    """

    estimate: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half of the distance between the ends."""
        return (self.high - self.low) / 2
