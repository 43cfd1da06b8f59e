"""A place of an image from which pairwise blocks look."""

from __future__ import annotations

import math
from collections.abc import Sequence

from foveate.errors import OptionError
from foveate.pictures.seen import Picture

__all__ = ["Query", "at_place", "middle_of", "place_of", "place_of_pixel"]

Query = tuple[float, float]
"""Row and column as shares of height and width."""


def place_of(query: Query | None) -> Query:
    """Return a place as shares of height and width; the centre if None.

    Raises:
        OptionError: It is not two numbers from 0 to 1.
    """
    if query is None:
        return 0.5, 0.5
    pair = tuple(query) if isinstance(query, Sequence) else ()
    if len(pair) != 2 or not all(_is_share(value) for value in pair):  # noqa: PLR2004
        raise OptionError(
            "block_maps: query must be (row, column) as shares of the image's height "
            f"and width, from 0 to 1, such as (0.5, 0.25), got {query!r}."
        )
    return float(pair[0]), float(pair[1])


def place_of_pixel(pixel: tuple[int, int] | None, picture: Picture) -> Query | None:
    """Return where a pixel of an image lies, as shares of height and width.

    Raises:
        OptionError: It lies outside of the image.
    """
    if pixel is None:
        return None
    row, column = pixel
    height, width = picture.original or picture.size
    if 0 <= row < height and 0 <= column < width:
        return (row + 0.5) / height, (column + 0.5) / width
    raise OptionError(
        f"look: query must be (row, column) within every image, got {pixel}, and "
        f"{picture.name} is {height} x {width} (height x width)."
    )


def at_place(query: Query, size: tuple[int, int]) -> tuple[int, int]:
    """Return the row and column of a map of this size that lie at a place.

    Example:
        >>> at_place((0.5, 1.0), (7, 9))
        (3, 8)
    """
    height, width = size
    row, column = int(query[0] * height), int(query[1] * width)
    return min(row, height - 1), min(column, width - 1)


def middle_of(place: tuple[int, int], size: tuple[int, int]) -> Query:
    """Return the middle of a row and column of a map as shares of its size."""
    return (place[0] + 0.5) / size[0], (place[1] + 0.5) / size[1]


def _is_share(value: object) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and 0 <= value <= 1  # type: ignore[arg-type,operator]
