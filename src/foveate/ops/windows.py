"""Maxima of windows, for maps of any size."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from foveate.ops.precision import at_least_one

__all__ = ["bordered_max_pool"]


def bordered_max_pool(x: Tensor, factor: int) -> Tensor:
    """Pool to maxima at ``1 / factor`` of the size, with one place of zeros around.

    Inside the border are the numbers of ``adaptive_max_pool2d`` to ``(h, w)``, where
    ``h = max(H // factor, 1)`` and ``w = max(W // factor, 1)``. Ties in a row share the
    gradient, and so do rows.

    Args:
        x: Feature map, ``(B, C, H, W)``.
        factor: How many places become one along each side.

    Returns:
        ``(B, C, h + 2, w + 2)``. The border keeps every side above 1: a compiled model
        would otherwise be bound to the sizes at which ``h`` is 1, or to the others.
    """
    return _max_pool_along(_max_pool_along(x, 2, factor), 3, factor)


def _max_pool_along(x: Tensor, dim: int, factor: int) -> Tensor:
    size = x.shape[dim]
    count = at_least_one(size // factor)
    place = torch.arange(-1, count + 1, device=x.device)
    start = place * size // count
    # rounded up, as adaptive pooling does, so no window is longer than 2 factor - 1
    end = -((place + 1) * -size // count)
    index = start[:, None] + torch.arange(2 * factor - 1, device=x.device)
    windows = x.movedim(dim, 3)[..., index.clamp(0, size - 1)]
    largest = windows.masked_fill(index >= end[:, None], -math.inf).amax(dim=4)
    border = (place < 0) | (place == count)
    return largest.masked_fill(border, 0).movedim(3, dim)
