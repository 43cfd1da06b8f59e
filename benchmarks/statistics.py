"""Means, medians, and whether a number reaches its target."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = [
    "Verdict",
    "at_least",
    "at_most",
    "geometric_mean",
    "median",
    "quartile_range",
]


@dataclass(frozen=True)
class Verdict:
    """Whether one number reaches its target.

    Attributes:
        claim: What is promised.
        target: By how much, in words.
        value: What was measured; NaN if nothing was.
        where: What the value belongs to, such as the slowest gate.
        reached: Whether it is enough.
    """

    claim: str
    target: str
    value: float
    where: str
    reached: bool


def median(values: Sequence[float]) -> float:
    """Return the middle of values."""
    return statistics.median(values)


def quartile_range(values: Sequence[float]) -> float:
    """Return the distance between the quartiles; 0 of a single value."""
    if len(values) == 1:
        return 0.0
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    return third - first


def geometric_mean(values: Sequence[float]) -> float:
    """Return the geometric mean; NaN of no values."""
    if not values:
        return math.nan
    return math.exp(math.fsum(math.log(value) for value in values) / len(values))


def at_least(claim: str, value: float, target: float, where: str = "") -> Verdict:
    """Return the verdict on a number that should be large."""
    return Verdict(claim, f"at least {target:g}", value, where, value >= target)


def at_most(claim: str, value: float, target: float, where: str = "") -> Verdict:
    """Return the verdict on a number that should be small."""
    return Verdict(claim, f"at most {target:g}", value, where, value <= target)
