"""Where many places of a map look, in a pairwise block."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from foveate.explain._calls import Call
from foveate.explain._views import numbers_of

__all__ = ["MOST_NUMBERS", "spread_places", "table_of"]

Numbers = NDArray[np.float32]

MOST_NUMBERS = 2**20
"""The most numbers of the table of one image: 4 MiB."""


def table_of(call: Call, most: int) -> tuple[Numbers, Numbers, bool]:
    """Return where places of a map look.

    Args:
        call: The call of a pairwise block.
        most: The most places; fewer, if their maps would take too much memory.

    Returns:
        The places, ``(Q, 2)``: row and column of the middle of each, as shares of
        height and width. Where they look, ``(B, Q, h, w)``, the mean over heads.
        Whether these are all places of the map.
    """
    height, width = call.inputs[0].shape[2:]
    _, _, rows, columns = call.maps((0, 0))["attention"].shape
    most = max(1, min(most, MOST_NUMBERS // (rows * columns)))
    places = spread_places(height, width, most)
    values = [_looks(call, place) for place in places]
    middles = (np.array(places, dtype=np.float32) + 0.5) / (height, width)
    are_all = len(places) == height * width
    return middles.astype(np.float32), np.stack(values, axis=1), are_all


def spread_places(height: int, width: int, most: int) -> list[tuple[int, int]]:
    """Return up to so many places of a map: all, or some that are evenly spread.

    Example:
        >>> spread_places(2, 2, 9)
        [(0, 0), (0, 1), (1, 0), (1, 1)]
        >>> spread_places(5, 9, 2)
        [(2, 2), (2, 6)]
    """
    if height * width <= most:
        rows, columns = height, width
    else:
        # as many to a side as keeps them as far apart down as across
        rows = max(1, min(height, most, round(math.sqrt(most * height / width))))
        columns = min(width, most // rows)
        # what a narrow map leaves over
        rows = min(height, most // columns)
    return [
        (_middle(row, rows, height), _middle(column, columns, width))
        for row in range(rows)
        for column in range(columns)
    ]


def _middle(number: int, parts: int, whole: int) -> int:
    return (2 * number + 1) * whole // (2 * parts)


def _looks(call: Call, place: tuple[int, int]) -> Numbers:
    attention = call.maps(place)["attention"]
    return numbers_of(attention.float().mean(dim=1), f"{call.name}: map 'attention'")
