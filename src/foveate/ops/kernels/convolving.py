"""A convolution of a few maps to one, of stride one, as spatial gates have it."""

from __future__ import annotations

from torch import Tensor

from foveate.ops.kernels import native
from foveate.ops.kernels._operation import operation

__all__ = ["convolve_to_one", "convolve_to_one_backward"]

STEP = 64
"""Values that are read at once; as in common.h."""


@operation("cpu")
def convolve_to_one(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return ``(B, 1, H, W)`` from ``(B, C, H, W)`` and ``(1, C, k, k)``."""
    framed = _framed(x, weight.shape[3])
    return _convolved(framed, weight, bias, x)


@convolve_to_one.register_fake
def _(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:  # noqa: ARG001
    return x.new_empty((x.shape[0], 1, *x.shape[2:]))


@operation("cpu")
def convolve_to_one_backward(
    dy: Tensor, x: Tensor, weight: Tensor, bias: Tensor | None
) -> list[Tensor]:
    """Return the gradients of map and weight, and of the bias if there is one."""
    batch, channels, height, width = x.shape
    side = weight.shape[3]
    up, framed = _framed(dy.contiguous(), side), _framed(x, side)
    # a transposed convolution: each input is made from the output by turned taps
    dx = _convolved(up, weight.flip(2, 3).transpose(0, 1), None, x)
    dweight = x.new_empty(batch, channels, side, side)
    native.call(
        "fv_convolve_weight",
        *(up, framed, dweight, batch, channels, height, width, side, _stride(x, side)),
    )
    found = [dx, dweight.sum(dim=0, keepdim=True)]
    return found if bias is None else [*found, dy.sum(dim=(0, 2, 3))]


@convolve_to_one_backward.register_fake
def _(
    dy: Tensor,  # noqa: ARG001
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
) -> list[Tensor]:
    found = [x.new_empty(x.shape), weight.new_empty(weight.shape)]
    return found if bias is None else [*found, bias.new_empty(bias.shape)]


def _stride(x: Tensor, side: int) -> int:
    """Return the values of a framed row: whole steps, and the taps beyond."""
    return -(-x.shape[3] // STEP) * STEP + side - 1


def _framed(x: Tensor, side: int) -> Tensor:
    """Return maps in frames of zeros, with a step behind the last."""
    batch, channels, height, width = x.shape
    stride = _stride(x, side)
    framed = x.new_empty(batch * channels * (height + side - 1) * stride + STEP)
    framed[-STEP:] = 0
    native.call(
        "fv_frame",
        *(x, framed, batch, channels, height, width),
        *(x.stride(0), side // 2, stride),
    )
    return framed


def _convolved(
    framed: Tensor, weight: Tensor, bias: Tensor | None, x: Tensor
) -> Tensor:
    """Return maps of the height and width of ``x``, one for each row of ``weight``."""
    outputs, channels, side, _ = weight.shape
    batch, _, height, width = x.shape
    y = x.new_empty(batch, outputs, height, width)
    native.call(
        "fv_convolve",
        *(framed, weight.contiguous(), bias, y),
        *(batch, channels, outputs, height, width, side, _stride(x, side)),
    )
    return y
