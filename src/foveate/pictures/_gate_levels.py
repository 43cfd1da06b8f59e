"""Find what gates can be, and with it what closed and open mean."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from foveate import _checks
from foveate.errors import OptionError

__all__ = ["ROUNDING", "Family", "Levels", "Numbers", "find_levels"]

Numbers = NDArray[np.float64]

Family = Literal["bounded", "shares", "free"]
"""What gates can be: from 0 to a ceiling, shares that add up to 1, or any numbers."""

# half precision rounds a gate by up to 0.0005, and a sum of many by more
ROUNDING = 2e-3


class Levels(NamedTuple):
    """What closed and open mean for some gates.

    Attributes:
        family: What the gates can be.
        full: What counts as fully open.
        limits: The highest closed gate, the lowest and the highest open one.
    """

    family: Family
    full: float
    limits: tuple[float, float, float]


def find_levels(
    values: Numbers, *, closed: float, opened: float, ceiling: float | None
) -> Levels:
    """Return what closed and open mean for gates ``(N, C)``, with NaN for none.

    Raises:
        OptionError: A gate is above ``ceiling``.
    """
    given = values[~np.isnan(values)]
    if ceiling is not None:
        _check_ceiling(given, ceiling)
        return _bounded(float(ceiling), closed, opened)
    if not given.size or given.min() < -ROUNDING or given.max() > 1 + ROUNDING:
        return Levels("free", 1.0, (closed, opened, 2 - opened))
    channels = values.shape[1]
    # one NaN makes its sum NaN, which is close to nothing
    adds_up = np.allclose(values.sum(axis=1), 1.0, rtol=0.0, atol=ROUNDING)
    if adds_up and channels > 1:
        return Levels("shares", 1 / channels, (closed / channels, np.inf, np.inf))
    return _bounded(1.0, closed, opened)


def _bounded(full: float, closed: float, opened: float) -> Levels:
    return Levels("bounded", full, (closed * full, opened * full, np.inf))


def _check_ceiling(given: Numbers, ceiling: float) -> None:
    _checks.number("channel_statistics", above=0.0, ceiling=ceiling)
    if given.size and given.max() > ceiling * (1 + ROUNDING):
        raise OptionError(
            "channel_statistics: ceiling must be at least the highest gate, got "
            f"{ceiling} and a gate of {given.max():.4g}."
        )
