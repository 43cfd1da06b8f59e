"""Pooling by means and maxima.

Never by adaptive pooling: that bakes the size of the example into an exported model
and has no deterministic gradient on CUDA.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from foveate.ops.precision import at_least_float32, at_least_one

__all__ = [
    "POOLS",
    "bordered_max_pool",
    "mean_max_over_channels",
    "mean_over_places",
    "pool",
]


def mean_over_places(x: Tensor) -> Tensor:
    """Return the mean of each channel: ``(B, C, H, W)`` to ``(B, C, 1, 1)``."""
    return x.mean(dim=(2, 3), keepdim=True)


def mean_max_over_channels(x: Tensor) -> Tensor:
    """Return mean and maximum at each place: ``(B, C, H, W)`` to ``(B, 2, H, W)``."""
    mean = x.mean(dim=1, keepdim=True)
    return torch.cat([mean, x.amax(dim=1, keepdim=True)], dim=1)


def _max(x: Tensor) -> Tensor:
    """Return the maximum of each channel; ties share the gradient."""
    return x.amax(dim=(2, 3), keepdim=True)


def _lp(x: Tensor) -> Tensor:
    """Return the Euclidean norm of each channel, summed in float32 or better."""
    norm: Tensor = torch.linalg.vector_norm(
        at_least_float32(x), dim=(2, 3), keepdim=True
    )
    return norm.to(x.dtype)


def _lse(x: Tensor) -> Tensor:
    """Return the logarithm of the sum of exponentials of each channel, stably."""
    return at_least_float32(x).logsumexp(dim=(2, 3), keepdim=True).to(x.dtype)


POOLS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "avg": mean_over_places,
    "max": _max,
    "lp": _lp,
    "lse": _lse,
}
"""Ways to pool a map to one value a channel, by the names of the CBAM code."""


def pool(x: Tensor, how: str) -> Tensor:
    """Pool each channel to one value: ``(B, C, H, W)`` to ``(B, C, 1, 1)``.

    Args:
        x: Feature map, ``(B, C, H, W)``.
        how: A key of ``POOLS``: ``avg``, ``max``, ``lp`` (L2 norm) or ``lse``
            (log of the sum of exponentials).
    """
    return POOLS[how](x)


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
