"""Arithmetic on one heat map and the masks that it is scored by.

Whatever is tied is shared evenly, so that a flat map scores what a blind guess does.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from foveate.explain._frames import Mask, Values

__all__ = ["energy", "grown", "highest", "overlap", "shares_of"]

Numbers = NDArray[np.float64]

ROUNDING = 1e-9
"""By which a number of places may miss a whole number that it stands for."""


def shares_of(values: Values) -> Numbers:
    """Return a map that adds up to 1; of only zeros, a flat one."""
    wide = values.astype(np.float64) if values.any() else np.ones(values.shape)
    # first by the highest, so that no sum is beyond what a number can be
    wide /= wide.max()
    shares: Numbers = wide / wide.sum()
    return shares


def highest(values: Values) -> Numbers:
    """Return a map whose highest places share 1, and the others have 0."""
    peaks = values == values.max()
    shares: Numbers = peaks / peaks.sum()
    return shares


def energy(shares: Numbers, weights: Mask | Numbers) -> float:
    """Return which part of a map that adds up to 1 lies under ``weights``."""
    # a sum of shares may pass 1 by a rounding
    return min(float((shares * weights).sum()), 1.0)


def overlap(values: Values, masks: Mask, kept: Numbers) -> Numbers:
    """Return intersection over union of a map's highest places with each mask.

    Args:
        values: ``(H, W)``.
        masks: ``(K, H, W)``.
        kept: How many places are the highest, for each mask, above 0.
    """
    flat = values.ravel()
    last = flat.size - np.ceil(kept - ROUNDING).astype(np.intp).clip(1)
    threshold = np.sort(flat)[last][:, None]
    above, tied = flat > threshold, flat == threshold
    left = kept - above.sum(axis=1)
    taken = above + tied * (left / tied.sum(axis=1))[:, None]
    shared = (taken * masks.reshape(len(masks), -1)).sum(axis=1)
    ratios: Numbers = shared / (kept + masks.sum(axis=(1, 2)) - shared)
    return ratios


def grown(masks: Mask, radius: int) -> Mask:
    """Return masks that reach ``radius`` pixels further, in every direction.

    Args:
        masks: ``(N, H, W)``.
        radius: From 0.
    """
    height, width = masks.shape[1:]
    further = masks.copy()
    for down in range(min(radius, height - 1) + 1):
        wide = _widened(masks, min(math.isqrt(radius**2 - down**2), width - 1))
        further[:, down:] |= wide[:, : height - down]
        further[:, : height - down] |= wide[:, down:]
    return further


def _widened(masks: Mask, reach: int) -> Mask:
    """Return masks that reach so many pixels further to the left and right."""
    before = np.zeros((*masks.shape[:2], 1), np.int64)
    total = np.concatenate([before, masks.cumsum(axis=2)], axis=2)
    width = masks.shape[2]
    right = np.minimum(np.arange(width) + reach + 1, width)
    left = np.maximum(np.arange(width) - reach, 0)
    wide: Mask = total[:, :, right] > total[:, :, left]
    return wide
