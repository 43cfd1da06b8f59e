"""The two gates of shuffle attention in one pass, with two numbers a channel saved."""

from __future__ import annotations

from torch import Tensor

from foveate.ops.kernels import native
from foveate.ops.kernels._maps import new_like, sizes
from foveate.ops.kernels._operation import operation

__all__ = ["halves_scale", "halves_scale_backward"]

Two = tuple[Tensor, Tensor]
Three = tuple[Tensor, Tensor, Tensor]


@operation("cpu")
def halves_scale(
    x: Tensor, weight: Tensor, bias: Tensor, eps: float
) -> tuple[Tensor, Tensor]:
    """Return the scaled map, its channels shuffled, and numbers for its gradient.

    ``weight`` and ``bias`` have a value for each channel of a group: the first half is
    gated by ``weight * mean + bias``, the second by ``weight * normal + bias``. The
    numbers are mean and rate of each channel, ``(B, C, 2)``.
    """
    y, saved = new_like(x), x.new_empty((*x.shape[:2], 2))
    given = (x, weight.contiguous(), bias.contiguous())
    half = weight.shape[0] // 2
    native.call("fv_halves_scale", *given, y, saved, *sizes(x), half, eps)
    return y, saved


@halves_scale.register_fake
def _(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Two:  # noqa: ARG001
    return new_like(x), x.new_empty((*x.shape[:2], 2))


@operation("cpu")
def halves_scale_backward(  # noqa: PLR0917
    dy: Tensor,
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    eps: float,  # noqa: ARG001
    saved: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of the map, of ``weight`` and of ``bias``."""
    given = (dy.contiguous(), x, weight.contiguous(), bias.contiguous(), saved)
    found = new_like(x), x.new_empty(x.shape[:2]), x.new_empty(x.shape[:2])
    half = weight.shape[0] // 2
    native.call("fv_halves_scale_backward", *given, *found, *sizes(x), half)
    dx, dweight, dbias = found
    of_group = (-1, weight.shape[0])
    return dx, dweight.reshape(of_group).sum(0), dbias.reshape(of_group).sum(0)


@halves_scale_backward.register_fake
def _(  # noqa: PLR0917
    dy: Tensor,  # noqa: ARG001
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    eps: float,  # noqa: ARG001
    saved: Tensor,  # noqa: ARG001
) -> Three:
    return new_like(x), weight.new_empty(weight.shape), bias.new_empty(bias.shape)
