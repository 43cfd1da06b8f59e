"""Means over seeds, and how sure they are."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from foveate.errors import MissingExtraError
from foveate.records import MOST_SEEDS, Interval

__all__ = ["LEVEL", "deviation", "interval", "seeds_needed"]

LEVEL = 0.95


def deviation(values: Sequence[float]) -> float | None:
    """Return the standard deviation over seeds, or None of fewer than two."""
    return statistics.stdev(values) if len(values) > 1 else None


def interval(
    values: Sequence[float], *, resolution: float, family: int = 1
) -> Interval | None:
    """Return the mean with Student's interval, or None of fewer than two values.

    Args:
        values: One a seed.
        resolution: The step in which values can change. The deviation is not taken
            below it: values that agree by luck to the last image must not make an
            interval of no width.
        family: How many such intervals shall hold together; each is widened by
            Bonferroni's rule.

    Raises:
        MissingExtraError: scipy is not installed.
    """
    sd = deviation(values)
    if sd is None:
        return None
    mean = statistics.fmean(values)
    half = _half_width(max(sd, resolution), len(values), family)
    return Interval(estimate=mean, low=mean - half, high=mean + half)


def seeds_needed(
    values: Sequence[float], *, resolution: float, family: int
) -> int | None:
    """Return from how many seeds on the interval of these values would leave out 0.

    Mean and spread are taken to stay as they are. The arguments are those of
    ``interval``. None: of fewer than two values, or more than ``MOST_SEEDS`` seeds.
    """
    sd = deviation(values)
    if sd is None:
        return None
    mean = abs(statistics.fmean(values))
    enough = (
        count
        for count in range(2, MOST_SEEDS + 1)
        if _half_width(max(sd, resolution), count, family) < mean
    )
    return next(enough, None)


def _half_width(sd: float, count: int, family: int) -> float:
    """Return half the width of the interval of a mean."""
    return _student(1 - (1 - LEVEL) / family, count - 1) * sd / math.sqrt(count)


def _student(level: float, freedom: int) -> float:
    """Return the two-sided quantile of Student's distribution."""
    try:
        from scipy.stats import t
    except ImportError:
        raise MissingExtraError.of("compare", "scipy") from None

    return float(t.ppf((1 + level) / 2, freedom))
