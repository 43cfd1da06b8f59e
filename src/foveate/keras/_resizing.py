"""Change the size of a map as torch does, also where sizes are not known before."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import ops

from foveate.keras._numbers import Tensor

__all__ = ["resize", "resize_bicubic", "resize_nearest"]

SHARPNESS = -0.75
"""The constant of torch's bicubic kernel; TensorFlow and JAX have -0.5."""

Shares = Callable[[Any], tuple[Any, ...]]
"""From how far a centre lies behind a place, what the places around it count for."""


def resize(x: Tensor, height: Any, width: Any) -> Tensor:
    """Return ``x`` at another size, bilinear between the centres of places.

    Args:
        x: Feature map, ``(B, H, W, C)``.
        height: Rows of the result.
        width: Columns of the result.
    """
    # torch lets no centre lie before the first place here, but does so for cubic
    return _both(x, height, width, partial(_along, shares=_linear, first=0))


def resize_bicubic(x: Tensor, height: Any, width: Any) -> Tensor:
    """Return ``x`` at another size, bicubic; arguments are those of ``resize``."""
    return _both(x, height, width, partial(_along, shares=_cubic, first=-1))


def resize_nearest(x: Tensor, height: Any, width: Any) -> Tensor:
    """Return ``x`` at another size, by copies: row ``i`` is row ``i * H // height``."""
    return _both(x, height, width, _copied)


def _both(x: Tensor, height: Any, width: Any, change: Callable[..., Tensor]) -> Tensor:
    for axis, size in ((1, height), (2, width)):
        own = x.shape[axis]
        # unknown sizes are changed in the graph, to what they are if they are equal
        if not (isinstance(size, int) and own == size):
            x = change(x, axis, size)
    return x


def _copied(x: Tensor, axis: int, size: Any) -> Tensor:
    own = ops.shape(x)[axis]
    numbers = _library(own, size)
    return _taken(x, numbers.arange(size, dtype="int32") * own // size, axis)


def _along(x: Tensor, axis: int, size: Any, *, shares: Shares, first: int) -> Tensor:
    """Return sums of the values around each new place, weighed by their distance."""
    own = ops.shape(x)[axis]
    numbers = _library(own, size)
    wide = "float64" if _name_of_type(x) == "float64" else "float32"

    def wider(value: Any) -> Any:
        return np.asarray(value, wide) if numbers is np else ops.cast(value, wide)

    middles = wider(numbers.arange(size, dtype="int32")) + 0.5
    centre = middles * (wider(own) / wider(size)) - 0.5
    centre = numbers.maximum(centre, first)
    below = numbers.floor(centre)
    shape = [1, 1, 1, 1]
    shape[axis] = -1
    total: Tensor = 0
    found = shares(centre - below)
    for step, share in enumerate(found, 1 - len(found) // 2):
        places = numbers.clip(below + step, 0, wider(own - 1))
        weights = numbers.reshape(share, shape)
        weights = ops.convert_to_tensor(weights, _name_of_type(x))
        total = total + _taken(x, places, axis) * weights
    return total


def _library(*sizes: Any) -> Any:
    """Return what to work with numbers in: numpy if sizes are known, else the graph."""
    return np if all(isinstance(size, int) for size in sizes) else ops


def _taken(x: Tensor, places: Any, axis: int) -> Tensor:
    return ops.take(x, ops.convert_to_tensor(places, "int32"), axis=axis)


def _name_of_type(x: Tensor) -> str:
    name: str = keras.backend.standardize_dtype(x.dtype)
    return name


def _linear(behind: Any) -> tuple[Any, ...]:
    return 1 - behind, behind


def _cubic(behind: Any) -> tuple[Any, ...]:
    before = 1 - behind
    return _far(1 + behind), _near(behind), _near(before), _far(1 + before)


def _near(distance: Any) -> Any:
    a, d = SHARPNESS, distance
    return ((a + 2) * d - (a + 3)) * d * d + 1


def _far(distance: Any) -> Any:
    a, d = SHARPNESS, distance
    return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
