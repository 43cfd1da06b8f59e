"""How the channels of a map vary together."""

from __future__ import annotations

import torch
from torch import Tensor

from foveate.ops._op import Op
from foveate.ops.kernels import second_order as kernels
from foveate.ops.kernels._gradients import differentiate
from foveate.ops.precision import at_least_float32, without_autocast

__all__ = ["covariance", "pool_by_covariance", "square_root"]


def covariance(x: Tensor, *, max_side: int) -> Tensor:
    """Return the covariance of the channels over the places of each image.

    Places are centred first and multiplied then, in float32 or better: no matrix of
    all places by all places, and no loss where the mean is large.

    Args:
        x: Feature map, ``(B, C, H, W)``.
        max_side: Of a longer side only the ``max_side`` places in its middle count.

    Returns:
        ``(B, C, C)``, divided by the number of places that count.

    Example:
        >>> x = torch.tensor([[[[1.0, 3.0]], [[5.0, 1.0]]]])
        >>> covariance(x, max_side=1000)
        tensor([[[ 1., -2.],
                 [-2.,  4.]]])
    """
    wide = at_least_float32(x)
    height, width = x.shape[2], x.shape[3]
    rows = _middle(height, max_side, wide)
    counts = rows[:, None] * _middle(width, max_side, wide)
    places = _shorter(height, max_side) * _shorter(width, max_side)
    mean: Tensor = (wide * counts).sum(dim=(2, 3), keepdim=True) / places
    centred = wide - mean
    counted = (centred * counts).flatten(2)
    with without_autocast(x):
        products: Tensor = counted @ centred.flatten(2).transpose(1, 2)
    return products / places


def square_root(matrix: Tensor, *, num_iters: int) -> Tensor:
    """Return the square root of matrices by the steps of Newton and Schulz.

    The root of a matrix of zeros is zeros, with gradients that are finite.

    Args:
        matrix: Symmetric with no negative eigenvalue, ``(B, C, C)``, in float32 or
            better.
        num_iters: Steps, at least 1. Each takes every eigenvalue nearer to its root,
            the smallest ones the slowest.

    Returns:
        ``(B, C, C)``.
    """
    trace = matrix.diagonal(dim1=1, dim2=2).sum(dim=1)[:, None, None]
    trace = trace.clamp(min=torch.finfo(matrix.dtype).tiny)
    thrice = 3 * torch.eye(matrix.shape[1], dtype=matrix.dtype, device=matrix.device)
    with without_autocast(matrix):
        root = matrix / trace
        # the inverse of the root starts as the identity, so it needs no product here
        step = inverse = (thrice - root) / 2
        root = root @ step
        for number in range(1, num_iters):
            if number > 1:
                inverse = step @ inverse
            step = (thrice - inverse @ root) / 2
            root = root @ step
    return trace.sqrt() * root


@Op
def pool_by_covariance(x: Tensor, max_side: int, num_iters: int) -> Tensor:
    """Return the mean column of the square root of the covariance of the channels.

    The reference makes the root; the faster path makes few of the steps towards it, and
    keeps only ``x`` for the gradient.

    Args:
        x: Feature map, ``(B, C, H, W)``.
        max_side: See ``covariance``.
        num_iters: See ``square_root``.

    Returns:
        ``(B, C)``, in float32 or better.
    """
    spread = covariance(x, max_side=max_side)
    return square_root(spread, num_iters=num_iters).mean(dim=1)


def _always(x: Tensor, max_side: int, num_iters: int) -> None:  # noqa: ARG001
    return None


@pool_by_covariance.faster("eager", why_not=_always, in_graphs=True)
def _(x: Tensor, max_side: int, num_iters: int) -> Tensor:
    pooled: Tensor = kernels.pool_by_covariance(x, max_side, num_iters)
    return pooled


differentiate(
    kernels.pool_by_covariance,
    kernels.pool_by_covariance_backward,
    pool_by_covariance.reference,
)


def _middle(side: int, most: int, like: Tensor) -> Tensor:
    """Return 1 for each of the ``most`` places in the middle of a side, else 0.

    A slice would do, but would fix the side in an exported graph.
    """
    start = (side - _shorter(side, most)) // 2
    place = torch.arange(side, device=like.device)
    return ((place >= start) & (place < start + most)).to(like.dtype)


def _shorter(side: int, most: int) -> int:
    """Return the smaller of both without fixing a side that an export leaves free."""
    smaller: int = torch.sym_min(side, most)  # type: ignore[no-untyped-call]
    return smaller
