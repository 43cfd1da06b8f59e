"""Moments, and the sigmoid of a line, in one pass each and without a full-size copy."""

from __future__ import annotations

import torch
from torch import Tensor

from foveate.ops.kernels import native
from foveate.ops.kernels._maps import new_like, sizes
from foveate.ops.kernels._operation import operation

__all__ = [
    "affine_sigmoid_scale",
    "affine_sigmoid_scale_backward",
    "moments",
    "moments_backward",
]

Two = tuple[Tensor, Tensor]
Three = tuple[Tensor, Tensor, Tensor]


@operation("cpu")
def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and variance of each channel, ``(B, C, 1, 1)`` in float32."""
    mean, variance = _of_channels(x), _of_channels(x)
    native.call("fv_moments", x, mean, variance, *sizes(x))
    return mean, variance


@moments.register_fake
def _(x: Tensor) -> Two:
    return _of_channels(x), _of_channels(x)


@operation("cpu")
def moments_backward(
    dmean: Tensor, dvariance: Tensor, x: Tensor, mean: Tensor
) -> Tensor:
    """Return the gradient of the map."""
    dx = new_like(x)
    given = (dmean.contiguous(), dvariance.contiguous(), x, mean)
    native.call("fv_moments_backward", *given, dx, *sizes(x))
    return dx


@moments_backward.register_fake
def _(dmean: Tensor, dvariance: Tensor, x: Tensor, mean: Tensor) -> Tensor:  # noqa: ARG001
    return new_like(x)


@operation("cpu")
def affine_sigmoid_scale(
    x: Tensor, weight: Tensor, bias: Tensor, groups: int
) -> Tensor:
    """Return the scaled map, its channels shuffled.

    ``weight`` and ``bias`` are ``(B, C, 1, 1)`` or ``(1, C, 1, 1)`` in float32.
    """
    y = new_like(x)
    weight, bias = weight.contiguous(), bias.contiguous()
    steps = (_image_step(weight), _image_step(bias))
    native.call(
        "fv_affine_sigmoid_scale", x, weight, bias, y, *sizes(x), *steps, groups
    )
    return y


@affine_sigmoid_scale.register_fake
def _(x: Tensor, weight: Tensor, bias: Tensor, groups: int) -> Tensor:  # noqa: ARG001
    return new_like(x)


@operation("cpu")
def affine_sigmoid_scale_backward(
    dy: Tensor, x: Tensor, weight: Tensor, bias: Tensor, groups: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of the map, of ``weight`` and of ``bias``."""
    weight, bias = weight.contiguous(), bias.contiguous()
    steps = (_image_step(weight), _image_step(bias))
    dx, dweight, dbias = new_like(x), _of_channels(x), _of_channels(x)
    native.call(
        "fv_affine_sigmoid_scale_backward",
        *(dy.contiguous(), x, weight, bias, dx, dweight, dbias),
        *(*sizes(x), *steps, groups),
    )
    return dx, dweight.sum_to_size(weight.shape), dbias.sum_to_size(bias.shape)


@affine_sigmoid_scale_backward.register_fake
def _(dy: Tensor, x: Tensor, weight: Tensor, bias: Tensor, groups: int) -> Three:  # noqa: ARG001
    return new_like(x), weight.new_empty(weight.shape), bias.new_empty(bias.shape)


@moments.register_kernel("cuda")
def _(x: Tensor) -> Two:
    from foveate.ops.kernels.triton import affine as kernels

    return kernels.moments(x)


@moments_backward.register_kernel("cuda")
def _(dmean: Tensor, dvariance: Tensor, x: Tensor, mean: Tensor) -> Tensor:
    from foveate.ops.kernels.triton import affine as kernels

    return kernels.moments_backward(dmean, dvariance, x, mean)


@affine_sigmoid_scale.register_kernel("cuda")
def _(x: Tensor, weight: Tensor, bias: Tensor, groups: int) -> Tensor:
    from foveate.ops.kernels.triton import affine as kernels

    return kernels.affine_sigmoid_scale(x, weight, bias, groups)


@affine_sigmoid_scale_backward.register_kernel("cuda")
def _(dy: Tensor, x: Tensor, weight: Tensor, bias: Tensor, groups: int) -> Three:
    from foveate.ops.kernels.triton import affine as kernels

    return kernels.affine_sigmoid_scale_backward(dy, x, weight, bias, groups)


def _of_channels(x: Tensor) -> Tensor:
    return x.new_empty((*x.shape[:2], 1, 1), dtype=torch.float32)


def _image_step(weight: Tensor) -> int:
    """Return how far the values of the next image are; 0 if all share them."""
    return weight.shape[1] if weight.shape[0] > 1 else 0
