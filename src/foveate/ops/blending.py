"""Blend two maps by a learned amount of each channel."""

from __future__ import annotations

from torch import Tensor

from foveate.ops._op import Op
from foveate.ops.kernels import scaling as kernels
from foveate.ops.kernels._conditions import (
    batch_of_maps,
    why_not_native,
    why_not_triton,
)
from foveate.ops.kernels._gradients import differentiate

__all__ = ["blend"]

FEWEST = 1 << 15
"""Values of an image below which a blend takes less time in torch."""


@Op
def blend(x: Tensor, y: Tensor, amount: Tensor) -> Tensor:
    """Return ``x + amount * (y - x)``: ``x`` itself at an amount of 0, ``y`` near 1.

    Args:
        x: Feature map, ``(B, C, H, W)``.
        y: Another of its shape, in any type.
        amount: Of each channel, ``(C,)`` or ``(1, C, 1, 1)``.

    Returns:
        Same shape and dtype as ``x``, also under autocast.
    """
    # multiply and add: lerp refuses two dtypes, which autocast may bring
    share = amount.reshape(1, -1, 1, 1).to(x.dtype)
    return x + share * (y.to(x.dtype) - x)


def _why_not_native(x: Tensor, y: Tensor, amount: Tensor) -> str | None:
    if y.shape != x.shape or amount.numel() != x.shape[1]:
        return _why_no_shapes(x, y, amount)
    if not batch_of_maps(y):
        return f"takes maps that are contiguous (B, C, H, W), got strides {y.stride()}"
    return why_not_native(x, y, amount, fewest=FEWEST)


def _why_not_triton(x: Tensor, y: Tensor, amount: Tensor) -> str | None:
    if y.shape != x.shape or amount.numel() != x.shape[1]:
        return _why_no_shapes(x, y, amount)
    return why_not_triton(x, y, amount)


def _why_no_shapes(x: Tensor, y: Tensor, amount: Tensor) -> str:
    shapes = f"{tuple(x.shape)}, {tuple(y.shape)} and {amount.numel()}"
    return f"takes two maps of one shape and an amount for each channel, got {shapes}"


@blend.faster("native", why_not=_why_not_native)
@blend.faster("triton", why_not=_why_not_triton, when_asked=True)
def _(x: Tensor, y: Tensor, amount: Tensor) -> Tensor:
    share = amount.reshape(1, -1, 1, 1).to(x.dtype)
    blended: Tensor = kernels.blend(x, y.to(x.dtype), share)
    return blended


differentiate(kernels.blend, kernels.blend_backward, blend.reference)
