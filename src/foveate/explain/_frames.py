"""Heat maps and objects as people have them, brought to one frame: the image."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foveate.errors import ShapeError
from foveate.pictures.heat_map import HeatMap, resized

__all__ = ["Heat", "Heats", "Mask", "Values", "framed", "values_at", "values_of"]

Values = NDArray[np.float32]
Mask = NDArray[np.bool_]

Heat = ArrayLike | HeatMap
"""One map: an array ``(h, w)`` at any resolution, or a ``HeatMap``."""

# an array is iterable, but its type does not say of what
Heats = Iterable[Heat] | NDArray[Any]
"""Maps, one an image."""

MAP_DIMS = 2
BOX_SIDES = 4

BOX = "a box is left, top, right and bottom in pixels of the image"


def values_of(owner: str, heats: Heats) -> list[Values]:
    """Return the numbers of each map, at its own resolution.

    Raises:
        ShapeError: One is not ``(h, w)``, or has a number that is below 0 or not
            finite.
    """
    return [_values(f"{owner}: heat map {i}", heat) for i, heat in enumerate(heats)]


def values_at(owner: str, heats: Heats, size: tuple[int, int]) -> Values:
    """Return maps at one size, ``(N, *size)``.

    Raises:
        ShapeError: As for ``values_of``.
    """
    values = [resized(one, size) for one in values_of(owner, heats)]
    return np.stack(values) if values else np.empty((0, *size), np.float32)


def framed(
    owner: str, heats: Heats, inside: ArrayLike, size: tuple[int, int] | None
) -> tuple[list[Values], Mask]:
    """Return maps at their own resolution, and the masks of their objects.

    Args:
        owner: Who asks.
        heats: One an image.
        inside: Masks, bool, ``(N, H, W)``, or boxes, ``(N, 4)``.
        size: Height and width of the images. None: of the masks, or of the maps.

    Raises:
        ShapeError: They do not fit each other, a map has a number that it may not
            have, or an object has no pixel in the image.
    """
    values = values_of(owner, heats)
    objects = np.asarray(inside)
    if len(objects) != len(values):
        raise ShapeError(
            f"{owner}: each heat map needs one object, got {len(values)} maps and "
            f"{len(objects)} objects."
        )
    if objects.dtype == np.bool_:
        return values, _masks(owner, objects, size)
    if objects.ndim != MAP_DIMS or objects.shape[1] != BOX_SIDES:
        raise ShapeError(
            f"{owner}: objects must be masks, bool, (N, H, W), or boxes, (N, 4); got "
            f"{objects.dtype} {objects.shape}."
        )
    frame = _size_of(owner, values) if size is None else size
    return values, np.stack([_box_mask(owner, box, frame) for box in objects])


def _values(owner: str, heat: Heat) -> Values:
    values = heat.values if isinstance(heat, HeatMap) else np.asarray(heat)
    if values.ndim != MAP_DIMS or 0 in values.shape:
        raise ShapeError(f"{owner} must be (h, w), got {values.shape}.")
    numbers = np.asarray(values, np.float32)
    if not np.isfinite(numbers).all():
        raise ShapeError(f"{owner} has numbers that are not finite.")
    if (numbers < 0).any():
        raise ShapeError(
            f"{owner} must not be below 0, got {float(numbers.min()):.3g}. Cut it at "
            "0, or take its size without the sign."
        )
    return numbers


def _size_of(owner: str, values: list[Values]) -> tuple[int, int]:
    sizes = sorted({(one.shape[0], one.shape[1]) for one in values})
    if len(sizes) == 1:
        return sizes[0]
    raise ShapeError(
        f"{owner}: boxes are in pixels of an image, and the maps have {len(sizes)} "
        f"sizes, {', '.join(map(str, sizes[:3]))}. Give size=(height, width)."
    )


def _masks(owner: str, masks: Mask, size: tuple[int, int] | None) -> Mask:
    if masks.ndim != MAP_DIMS + 1 or (size and masks.shape[1:] != tuple(size)):
        raise ShapeError(
            f"{owner}: masks must be (N, H, W)"
            f"{f' with H, W = {tuple(size)}' if size else ''}, got {masks.shape}."
        )
    empty = np.flatnonzero(~masks.any(axis=(1, 2)))
    if len(empty):
        raise ShapeError(f"{owner}: mask {empty[0]} has no pixel that is True.")
    return masks


def _box_mask(owner: str, box: NDArray[Any], size: tuple[int, int]) -> Mask:
    """Return which pixels have their middle in a box."""
    height, width = size
    left, top, right, bottom = box.tolist()
    if not (0 <= left < right <= width and 0 <= top < bottom <= height):
        raise ShapeError(
            f"{owner}: {BOX}, and must lie in it; got {tuple(box.tolist())} in an "
            f"image of {width} x {height} pixels. Is size=(height, width) right?"
        )
    rows, columns = np.arange(height) + 0.5, np.arange(width) + 0.5
    inside = ((rows >= top) & (rows < bottom))[:, None] & (
        (columns >= left) & (columns < right)
    )
    if not inside.any():
        raise ShapeError(
            f"{owner}: {BOX}, and must hold the middle of one; got "
            f"{tuple(box.tolist())}."
        )
    mask: Mask = inside
    return mask
