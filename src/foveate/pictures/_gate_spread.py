"""How gates spread over images, and which channels stay as they are in all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from foveate.pictures._gate_levels import Levels, Numbers

__all__ = ["BINS", "count", "places", "sort_out", "summarise"]

BINS = 40
"""So that 0.05 and 0.95 of the ceiling are edges of bins."""

_QUARTILES = (0.25, 0.5, 0.75)
_OUTER = (0.005, 0.995)
# 0.05 in single precision is a little more than 0.05
_SLACK = 1e-7


def summarise(values: Numbers, seen: NDArray[np.bool_]) -> dict[str, Numbers]:
    """Return mean, deviation, quartiles and ends over the images, by their names."""
    known = values[:, seen]
    quantile = np.nanquantile if np.isnan(known).any() else np.quantile
    quartiles = quantile(known, _QUARTILES, axis=0)
    found = {
        "mean": np.nanmean(known, axis=0),
        "deviation": np.nanstd(known, axis=0),
        "lowest": np.nanmin(known, axis=0),
        "first_quartile": quartiles[0],
        "median": quartiles[1],
        "third_quartile": quartiles[2],
        "highest": np.nanmax(known, axis=0),
    }
    spread = {}
    for name, numbers in found.items():
        spread[name] = np.full(len(seen), np.nan)
        spread[name][seen] = numbers
    return spread


def sort_out(
    spread: dict[str, Numbers],
    limits: tuple[float, float, float],
    still: float,
    images: int,
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Return the channels that are closed, open and constant in every image."""
    low, high = spread["lowest"], spread["highest"]
    # no comparison with NaN holds, so a channel without a gate is none of them
    closed = limits[0] + _SLACK
    dead = (high <= closed) & (low >= -closed)
    saturated = (low >= limits[1] - _SLACK) & (high <= limits[2] + _SLACK)
    constant = (high - low < still) & ~dead & ~saturated & (images > 1)
    return places(dead), places(saturated), places(constant)


def places(chosen: NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(int(place) for place in np.flatnonzero(chosen))


def count(values: Numbers, levels: Levels) -> tuple[NDArray[np.int64], Numbers]:
    """Return how many gates lie in each bin, and the edges of the bins."""
    given = values[~np.isnan(values)]
    low, high = 0.0, levels.full
    if levels.family == "free" and given.size:
        outer = np.quantile(given, _OUTER)
        low, high = min(float(outer[0]), 0.0), max(float(outer[1]), high)
    elif levels.family == "shares":
        high = float(given.max())
    edges = np.linspace(low, high, BINS + 1)
    counts, _ = np.histogram(np.clip(given, low, high), edges)
    return counts.astype(np.int64), edges
