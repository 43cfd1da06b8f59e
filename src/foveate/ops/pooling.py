"""Pooling by means and maxima.

Never by adaptive pooling: that bakes the size of the example into an exported model
and has no deterministic gradient on CUDA.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from foveate.ops.precision import at_least_float32

__all__ = ["POOLS", "mean_max_over_channels", "mean_over_places", "pool"]


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
