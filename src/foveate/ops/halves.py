"""Gate half of each group of channels by their means, the other half by its places."""

from __future__ import annotations

import torch
from torch import Tensor

from foveate.ops._op import Op
from foveate.ops.affine import affine_sigmoid_scale, moments
from foveate.ops.gates import scale
from foveate.ops.kernels import halves as kernels
from foveate.ops.kernels._conditions import why_not_native, why_not_triton
from foveate.ops.kernels._gradients import differentiate
from foveate.ops.layout import channel_shuffle, in_layout_of
from foveate.ops.pooling import mean_over_places

__all__ = ["halves_gate", "halves_scale"]


def halves_gate(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    """Return the gates of channels, in the first halves, and of places, in the others.

    They are sigmoids of a line through the mean of a channel, or through each value of
    a channel that is normalised for itself.

    Args:
        x: Feature map, ``(B, C, H, W)``, in groups of channels of even length.
        weight: Of each channel of a group, ``(C / groups,)``; all groups share it.
        bias: Of the shape of ``weight``.
        eps: Is added to the variance of each channel.

    Returns:
        ``(B, C, H, W)``.
    """
    half = weight.shape[0] // 2
    first, second = x.reshape(-1, 2 * half, *x.shape[2:]).chunk(2, dim=1)
    # not the module, which refuses a map of one place
    normal = torch.group_norm(second, half, eps=eps)
    weight, bias = weight[:, None, None], bias[:, None, None]
    of_channels = weight[:half] * mean_over_places(first) + bias[:half]
    of_places = weight[half:] * normal + bias[half:]
    logits = torch.cat([of_channels.expand_as(of_places), of_places], dim=1)
    return logits.sigmoid().reshape(x.shape)


@Op
def halves_scale(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    """Scale ``x`` by ``halves_gate``, then interleave both halves of all its channels.

    Args:
        x: Feature map, ``(B, C, H, W)``, in groups of channels of even length.
        weight: Of each channel of a group, ``(C / groups,)``; all groups share it.
        bias: Of the shape of ``weight``.
        eps: Is added to the variance of each channel.

    Returns:
        Same shape, dtype and layout as ``x``.
    """
    gated = scale(x, halves_gate(x, weight, bias, eps))
    return in_layout_of(channel_shuffle(gated, 2), x)


def _why_no_groups(x: Tensor, weight: Tensor, bias: Tensor) -> str | None:
    """Return why a kernel cannot take these beside a map, or None."""
    shapes = tuple(weight.shape), tuple(bias.shape)
    length = weight.numel()
    if shapes[0] != (length,) or shapes[1] != (length,) or length % 2:
        return f"takes weight and bias of one even length, got {shapes}"
    if x.shape[1] % length:
        return f"takes channels in groups of {length}, got {x.shape[1]}"
    return None


def _why_not_native(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> str | None:  # noqa: ARG001
    return why_not_native(x, weight, bias) or _why_no_groups(x, weight, bias)


def _why_not_triton(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> str | None:  # noqa: ARG001
    return why_not_triton(x, weight, bias) or _why_no_groups(x, weight, bias)


@halves_scale.faster("native", why_not=_why_not_native, in_graphs=True)
def _(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    y: Tensor = kernels.halves_scale(x, weight.float(), bias.float(), eps)[0]
    return y


@halves_scale.faster("triton", why_not=_why_not_triton, in_graphs=True, when_asked=True)
def _(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    # two passes, with a line for each channel of each image
    half = weight.shape[0] // 2
    mean, variance = (v.reshape(-1, 2, half) for v in moments(x))
    weights, biases = weight.float().view(2, half), bias.float().view(2, half)
    slope = weights[1] * (variance[:, 1] + eps).rsqrt()
    of_channels = weights[0] * mean[:, 0] + biases[0]
    weight = torch.stack([torch.zeros_like(slope), slope], dim=1)
    bias = torch.stack([of_channels, biases[1] - slope * mean[:, 1]], dim=1)
    shape = (*x.shape[:2], 1, 1)
    return affine_sigmoid_scale(x, weight.reshape(shape), bias.reshape(shape), 2)


differentiate(
    kernels.halves_scale,
    kernels.halves_scale_backward,
    halves_scale.reference,
    saved=(1,),
)
