"""Along what most of the features of an image vary."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["projected"]

Values = NDArray[np.floating]


def projected(features: Values, side: Values) -> NDArray[np.float64]:
    """Return features on their first right singular vector, where above 0.

    Args:
        features: ``(N, C, h, w)``; the vector is that of places by channels.
        side: ``(N, h, w)``. Of the two signs of the vector, the one whose map is on
            the side of this.

    Returns:
        ``(N, h, w)``.
    """
    images, channels, height, width = features.shape
    # squares need double precision
    matrix = features.reshape(images, channels, -1).astype(np.float64)
    turned = matrix.transpose(0, 2, 1)
    # the squares of the fewer are as telling
    if channels <= height * width:
        _, vectors = np.linalg.eigh(matrix @ turned)
        values = (turned @ vectors[..., -1:])[..., 0]
    else:
        squares, vectors = np.linalg.eigh(turned @ matrix)
        values = vectors[..., -1] * np.sqrt(np.maximum(squares[..., -1:], 0))
    flat = side.reshape(images, -1)
    against = (values * flat).sum(axis=1, keepdims=True) < 0
    positive = np.maximum(np.where(against, -values, values), 0)
    shaped: NDArray[np.float64] = positive.reshape(images, height, width)
    return shaped
