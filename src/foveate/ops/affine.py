"""Scale a map by the sigmoid of a line through each value, as normalisations give."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from foveate.ops._modules import why_not_plain
from foveate.ops._op import Op
from foveate.ops.gates import scale, sigmoid_scale
from foveate.ops.kernels import affine as kernels
from foveate.ops.kernels._conditions import why_not_native, why_not_triton
from foveate.ops.kernels._gradients import differentiate
from foveate.ops.layout import channel_shuffle, in_layout_of
from foveate.ops.precision import at_least_float32

__all__ = ["affine_sigmoid_scale", "batch_norm_scale", "moments"]

FEWEST_TO_FOLD = 65536
"""Values of an image below which folding a BatchNorm into a line takes longer."""


@Op
def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and variance of each channel of each image.

    Args:
        x: Feature map, ``(B, C, H, W)``.

    Returns:
        Twice ``(B, C, 1, 1)``, in float32 or better; the variance is divided by
        ``H * W``.
    """
    wide = at_least_float32(x)
    mean = wide.mean(dim=(2, 3), keepdim=True)
    return mean, (wide - mean).square().mean(dim=(2, 3), keepdim=True)


@Op
def affine_sigmoid_scale(
    x: Tensor, weight: Tensor, bias: Tensor, groups: int = 1
) -> Tensor:
    """Scale ``x`` by the sigmoid of ``weight * x + bias``, and shuffle channels.

    Args:
        x: Feature map, ``(B, C, H, W)``.
        weight: ``(B, C, 1, 1)`` or ``(1, C, 1, 1)``. In float32 the logits are in
            float32, also where ``x`` is in half precision.
        bias: Of the shape of ``weight``.
        groups: See ``channel_shuffle``; 1 leaves the channels in their order.

    Returns:
        Same shape, dtype and layout as ``x``.
    """
    scaled = sigmoid_scale(x, weight * x + bias)
    if groups == 1:
        return scaled
    return in_layout_of(channel_shuffle(scaled, groups), x)


@Op
def batch_norm_scale(x: Tensor, norm: nn.BatchNorm2d, share: Tensor) -> Tensor:
    """Scale ``x`` by the sigmoid of its normalised self, times a share of each channel.

    Args:
        x: Feature map, ``(B, C, H, W)``.
        norm: In training its running statistics follow the batch, as when it is called.
        share: ``(C, 1, 1)``.

    Returns:
        Same shape and dtype as ``x``.
    """
    normal: Tensor = norm(x)
    return scale(x, torch.sigmoid(share.to(normal.dtype) * normal))


@moments.faster("native", why_not=why_not_native, in_graphs=True)
@moments.faster("triton", why_not=why_not_triton, in_graphs=True, when_asked=True)
def _(x: Tensor) -> tuple[Tensor, Tensor]:
    mean, variance = kernels.moments(x)
    return mean, variance


def _why_no_line(x: Tensor, weight: Tensor, bias: Tensor, groups: int) -> str | None:
    """Return why a kernel cannot take these beside a map, or None."""
    for value in (weight, bias):
        shape = tuple(value.shape)
        if shape not in {(1, *x.shape[1:2], 1, 1), (*x.shape[:2], 1, 1)}:
            return f"takes weight and bias of (B, C, 1, 1) or (1, C, 1, 1), got {shape}"
    if x.shape[1] % groups:
        return f"takes channels in {groups} runs of one length, got {x.shape[1]}"
    return None


def _why_not_native(
    x: Tensor, weight: Tensor, bias: Tensor, groups: int = 1
) -> str | None:
    return why_not_native(x, weight, bias) or _why_no_line(x, weight, bias, groups)


def _why_not_triton(
    x: Tensor, weight: Tensor, bias: Tensor, groups: int = 1
) -> str | None:
    return why_not_triton(x, weight, bias) or _why_no_line(x, weight, bias, groups)


@affine_sigmoid_scale.faster("native", why_not=_why_not_native, in_graphs=True)
@affine_sigmoid_scale.faster(
    "triton", why_not=_why_not_triton, in_graphs=True, when_asked=True
)
def _(x: Tensor, weight: Tensor, bias: Tensor, groups: int = 1) -> Tensor:
    y: Tensor = kernels.affine_sigmoid_scale(x, weight.float(), bias.float(), groups)
    return y


def _why_not_this_norm(x: Tensor, norm: nn.BatchNorm2d) -> str | None:
    """Return why a line cannot stand for a call of ``norm``, or None."""
    why = why_not_plain(norm, nn.BatchNorm2d)
    if why is not None:
        return why
    if norm.weight is not None and norm.weight.dtype != torch.float32:
        return f"takes a BatchNorm in float32, got {norm.weight.dtype}"
    if _takes_batch(norm) and x.shape[0] * x.shape[2] * x.shape[3] <= 1:
        return "one place has no variance"
    return None


def _why_not_native_norm(x: Tensor, norm: nn.BatchNorm2d, share: Tensor) -> str | None:
    why = why_not_native(x, share, fewest=FEWEST_TO_FOLD)
    return why or _why_not_this_norm(x, norm)


def _why_not_triton_norm(x: Tensor, norm: nn.BatchNorm2d, share: Tensor) -> str | None:
    return why_not_triton(x, share) or _why_not_this_norm(x, norm)


@batch_norm_scale.faster("native", why_not=_why_not_native_norm, in_graphs=True)
@batch_norm_scale.faster(
    "triton", why_not=_why_not_triton_norm, in_graphs=True, when_asked=True
)
def _(x: Tensor, norm: nn.BatchNorm2d, share: Tensor) -> Tensor:
    mean, variance = _statistics(x, norm)
    # its products with the mean are new tensors: running statistics may change in place
    # before the gradient is taken
    weight = (variance + norm.eps).rsqrt()
    bias = -mean * weight
    if norm.affine:
        weight, bias = norm.weight * weight, norm.weight * bias + norm.bias
    share = share.flatten().to(weight.dtype)
    weight, bias = ((share * value)[None, :, None, None] for value in (weight, bias))
    return affine_sigmoid_scale(x, weight, bias)


def _takes_batch(norm: nn.BatchNorm2d) -> bool:
    """Tell whether ``norm`` normalises by the statistics of the batch."""
    return norm.training or (norm.running_mean is None and norm.running_var is None)


def _statistics(x: Tensor, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Return mean and variance by which ``norm`` normalises, each ``(C,)``."""
    running = norm.running_mean, norm.running_var
    if not norm.training and running[0] is not None and running[1] is not None:
        return running[0], running[1]
    # of each image, then of all: the variance within images, and that of their means
    means, variances = (value.flatten(1) for value in moments(x))
    mean = means.mean(dim=0)
    variance = variances.mean(dim=0) + (means - mean).square().mean(dim=0)
    if norm.training and norm.track_running_stats:
        count = x.shape[0] * x.shape[2] * x.shape[3]
        _follow(norm, mean.detach(), variance.detach() * (count / (count - 1)))
    return mean, variance


@torch.no_grad()
def _follow(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor) -> None:
    """Move the running statistics of ``norm`` towards those of a batch."""
    part: float | Tensor | None = norm.momentum
    if norm.num_batches_tracked is not None:
        norm.num_batches_tracked.add_(1)
        if part is None:
            part = 1 / norm.num_batches_tracked.to(mean.dtype)
    for running, value in ((norm.running_mean, mean), (norm.running_var, variance)):
        if running is not None and part is not None:
            running.lerp_(value, part)


differentiate(
    kernels.moments,
    kernels.moments_backward,
    moments.reference,
    outputs=2,
    saved=(0,),
)
differentiate(
    kernels.affine_sigmoid_scale,
    kernels.affine_sigmoid_scale_backward,
    affine_sigmoid_scale.reference,
)
