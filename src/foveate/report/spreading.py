"""Move places apart that would lie on each other."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

__all__ = ["spread"]


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Return the places nearest to those wanted that are ``gap`` or more apart.

    They keep their order and lie between ``low`` and ``high``, where there is room.

    Example:
        >>> spread([40, 10, 12], 6, 0, 50)
        [40.0, 8.0, 14.0]
    """
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    # less its rank times the gap, no place may be below that of the one before it
    pools: list[list[float]] = []
    for rank, index in enumerate(order):
        pools.append([wanted[index] - gap * rank])
        while len(pools) > 1 and fmean(pools[-2]) > fmean(pools[-1]):
            last = pools.pop()
            pools[-1] += last
    levels = [fmean(pool) for pool in pools for _ in pool]
    most = max(low, high - gap * (len(wanted) - 1))
    places = [0.0] * len(wanted)
    for rank, (index, level) in enumerate(zip(order, levels, strict=True)):
        places[index] = min(max(level, low), most) + gap * rank
    return places
