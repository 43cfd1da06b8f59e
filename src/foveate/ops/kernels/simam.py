"""SimAM in one pass, with two numbers a channel saved for its gradient."""

from __future__ import annotations

import torch
from torch import Tensor

from foveate.ops.kernels import native
from foveate.ops.kernels._maps import new_like, sizes
from foveate.ops.kernels._operation import operation

__all__ = ["simam", "simam_backward"]


@operation("cpu")
def simam(x: Tensor, e_lambda: float) -> tuple[Tensor, Tensor]:
    """Return the scaled map, and mean and factor of each channel, ``(B, C, 2)``."""
    y, saved = new_like(x), x.new_empty(*x.shape[:2], 2)
    native.call("fv_simam", x, y, saved, *sizes(x), e_lambda)
    return y, saved


@simam.register_fake
def _(x: Tensor, e_lambda: float) -> tuple[Tensor, Tensor]:  # noqa: ARG001
    return new_like(x), x.new_empty((*x.shape[:2], 2), dtype=torch.float32)


@operation("cpu")
def simam_backward(dy: Tensor, x: Tensor, e_lambda: float, saved: Tensor) -> Tensor:  # noqa: ARG001
    """Return the gradient of the input."""
    dx = new_like(x)
    native.call("fv_simam_backward", dy.contiguous(), x, saved, dx, *sizes(x))
    return dx


@simam_backward.register_fake
def _(dy: Tensor, x: Tensor, e_lambda: float, saved: Tensor) -> Tensor:  # noqa: ARG001
    return new_like(x)


@simam.register_kernel("cuda")
def _(x: Tensor, e_lambda: float) -> tuple[Tensor, Tensor]:
    from foveate.ops.kernels.triton import simam as kernels

    return kernels.simam(x, e_lambda)


@simam_backward.register_kernel("cuda")
def _(dy: Tensor, x: Tensor, e_lambda: float, saved: Tensor) -> Tensor:
    from foveate.ops.kernels.triton import simam as kernels

    return kernels.simam_backward(dy, x, e_lambda, saved)
