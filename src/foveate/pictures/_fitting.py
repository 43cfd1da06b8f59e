"""Find the scale that fits all heat maps of a group."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from foveate.pictures.heat_map import Values
from foveate.pictures.scale import Scale, step_of

__all__ = ["LEAST_TOP", "fit_densities", "fit_gates"]

LEAST_TOP = 2.0
"""No bar of densities ends below it: what is spread evenly shall look like no peak."""

_ROUND = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_MOST = 0.99
_NEAR = 1.3
_SAMPLES = 401
_GOOD_PART = 0.4
_NARROWEST = 1e-4


def fit_densities(densities: list[Values], kind: Literal["density", "share"]) -> Scale:
    """Return the scale from 0 to a top that few places lie above."""
    # as many numbers of each map, so that all count the same, whatever their size
    shares = np.linspace(0, 1, _SAMPLES)
    sampled = np.concatenate([np.quantile(each, shares) for each in densities])
    most = float(np.quantile(sampled, _MOST, method="higher"))
    peak = float(max(each.max() for each in densities))
    top = _round_up(max(peak if peak <= _NEAR * most else most, LEAST_TOP))
    return Scale(0.0, top, kind, clipped=peak > top)


def fit_gates(gates: list[Values]) -> Scale:
    """Return a scale that holds all gates."""
    low = float(min(values.min() for values in gates))
    high = float(max(values.max() for values in gates))
    if low >= 0 and high <= 1 and high - low >= _GOOD_PART:
        return Scale(0.0, 1.0, "gate")
    least = _NARROWEST * max(1.0, abs(low), abs(high))
    short = max(least - (high - low), 0.0)
    low, high = low - short / 2, high + short / 2
    step = step_of(low, high, 8)
    # the values are of single precision
    first, last = math.floor(low / step + 1e-3), math.ceil(high / step - 1e-3)
    return Scale(round(first * step, 12), round(last * step, 12), "gate")


def _round_up(value: float) -> float:
    """Return the next round number."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(n * power for n in _ROUND if n * power >= value * (1 - 1e-9))
