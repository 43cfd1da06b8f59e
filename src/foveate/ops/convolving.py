"""Convolve a few maps to one."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from foveate.ops._modules import why_not_plain
from foveate.ops._op import Op
from foveate.ops.kernels import convolving as kernels
from foveate.ops.kernels._conditions import why_not_native
from foveate.ops.kernels._gradients import differentiate

__all__ = ["convolve_to_one"]

MOST_CHANNELS = 8
"""Maps above which a library's convolution is as fast."""


@Op
def convolve_to_one(x: Tensor, conv: nn.Conv2d) -> Tensor:
    """Return what a convolution makes of a few maps.

    Args:
        x: ``(B, C, H, W)``.
        conv: From C channels to one, of stride 1, padded so that the size stays.

    Returns:
        ``(B, 1, H, W)``.
    """
    logits: Tensor = conv(x)
    return logits


def _why_not_native(x: Tensor, conv: nn.Conv2d) -> str | None:
    why = why_not_plain(conv, nn.Conv2d) or _why_not_shape(conv)
    if why is not None:
        return why
    # it does not know the meta device
    if x.is_cpu and torch.is_autocast_enabled("cpu"):
        return "autocast convolves in half precision"
    if conv.weight.dtype != x.dtype:
        return f"takes weights of {x.dtype}, as the map, got {conv.weight.dtype}"
    return why_not_native(x, conv.weight, fewest=1)


def _why_not_shape(conv: nn.Conv2d) -> str | None:
    side = conv.kernel_size[0]
    taken = {
        "out_channels": 1,
        "groups": 1,
        "stride": (1, 1),
        "dilation": (1, 1),
        "kernel_size": (side, side),
        "padding": (side // 2, side // 2),
        "padding_mode": "zeros",
    }
    for option, value in taken.items():
        if getattr(conv, option) != value:
            return f"takes {option}={value}, got {getattr(conv, option)}"
    if side % 2 == 0 or conv.in_channels > MOST_CHANNELS:
        return f"takes odd sides and up to {MOST_CHANNELS} channels, got {conv}"
    return None


@convolve_to_one.faster("native", why_not=_why_not_native, in_graphs=True)
def _(x: Tensor, conv: nn.Conv2d) -> Tensor:
    logits: Tensor = kernels.convolve_to_one(x, conv.weight, conv.bias)
    return logits


def _reference(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    padding = weight.shape[3] // 2
    return nn.functional.conv2d(x, weight, bias, padding=padding)


differentiate(kernels.convolve_to_one, kernels.convolve_to_one_backward, _reference)
