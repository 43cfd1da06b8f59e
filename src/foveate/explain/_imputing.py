"""Fill places of an image from what is left around them.

Noisy linear imputation: each place that is taken out becomes the weighted mean of its
eight neighbours, those beside it by 1/6 and those across a corner by 1/12, and a little
noise. Neighbours that were taken out too are unknowns, so the places of an image are
one sparse system of equations, the same for each channel. At a border the weights of
the neighbours that there are stand for all.

Source: Rong, Leemann, Borisov, Kasneci, Kasneci (2022), A Consistent and Efficient
Evaluation Strategy for Attribution Methods, https://arxiv.org/abs/2202.00449, section
4.2.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from foveate.errors import MissingExtraError

__all__ = ["imputed"]

Numbers = NDArray[np.float64]

KNOWN, OUTSIDE = -1, -2
"""What a place that needs no number is numbered."""

BESIDE = 1 / 6
ACROSS = 1 / 12

OFFSETS = tuple(
    (down, right, ACROSS if down and right else BESIDE)
    for down in (-1, 0, 1)
    for right in (-1, 0, 1)
    if down or right
)


def imputed(image: Numbers, missing: NDArray[np.bool_]) -> Numbers:
    """Return an image whose missing places are filled from their neighbours.

    Without noise. Where nothing is left of the image, it is its mean, channel by
    channel: nothing else is known of it.

    Args:
        image: ``(C, H, W)``.
        missing: ``(H, W)``.

    Raises:
        MissingExtraError: scipy is not installed.
    """
    filled = image.copy()
    if missing.all():
        filled[:] = image.mean(axis=(1, 2), keepdims=True)
    elif missing.any():
        filled[:, missing] = _solved(image, missing).T
    return filled


def _solved(image: Numbers, missing: NDArray[np.bool_]) -> Numbers:
    """Return the values of the missing places, ``(places, C)``."""
    try:
        from scipy.sparse import csc_matrix
        from scipy.sparse.linalg import splu
    except ImportError:
        raise MissingExtraError.of("compare", "scipy") from None

    rows, columns, weights, known = _equations(image, missing)
    count = len(known)
    matrix = csc_matrix((weights, (rows, columns)), shape=(count, count))
    # symmetric with a heavy diagonal, so its order is free and needs no pivoting
    factors = splu(
        matrix,
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )
    solution: Numbers = factors.solve(known)
    return solution


def _equations(
    image: Numbers, missing: NDArray[np.bool_]
) -> tuple[NDArray[Any], NDArray[Any], Numbers, Numbers]:
    """Return rows, columns and weights of the system, and its known side.

    The equation of a place: the sum of the weights of its neighbours times its value,
    less those of missing neighbours by their weights, is the sum of the known ones.
    """
    count = int(missing.sum())
    number = np.full(missing.shape, KNOWN)
    number[missing] = np.arange(count)
    # a frame of one place, so that each place has eight neighbours
    number = np.pad(number, 1, constant_values=OUTSIDE)
    values = np.pad(image, ((0, 0), (1, 1), (1, 1)))
    down, right = (places + 1 for places in np.nonzero(missing))

    every = np.arange(count)
    total = np.zeros(count)
    known = np.zeros((count, len(image)))
    rows, columns, weights = [every], [every], [total]
    for lower, righter, weight in OFFSETS:
        place = down + lower, right + righter
        neighbour = number[place]
        total += weight * (neighbour != OUTSIDE)
        unknown = np.flatnonzero(neighbour >= 0)
        rows.append(unknown)
        columns.append(neighbour[unknown])
        weights.append(np.full(len(unknown), -weight))
        given = neighbour == KNOWN
        known[given] += weight * values[:, place[0][given], place[1][given]].T
    return (
        np.concatenate(rows),
        np.concatenate(columns),
        np.concatenate(weights),
        known,
    )
