"""Small products that libraries of convolutions take long to arrange."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from foveate.ops._modules import why_not_plain
from foveate.ops._op import Op

__all__ = ["project", "slide"]


@Op
def project(x: Tensor, conv: nn.Conv2d) -> Tensor:
    """Return what a 1x1 convolution makes of a small map.

    Args:
        x: Pooled map, ``(B, C, H, W)``, such as ``(B, C, 1, 1)``.
        conv: Of one place, from C channels to D.

    Returns:
        ``(B, D, H, W)``.
    """
    projected: Tensor = conv(x)
    return projected


@Op
def slide(means: Tensor, conv: nn.Conv1d) -> Tensor:
    """Return what a convolution along the channels makes of one value a channel.

    Args:
        means: ``(B, C)``.
        conv: From one channel to one, without bias, padded so that C stays.

    Returns:
        ``(B, C)``.
    """
    along: Tensor = conv(means[:, None])
    return along[:, 0]


def _why_not_product(
    x: Tensor, conv: nn.Conv1d | nn.Conv2d, kind: type[nn.Module]
) -> str | None:
    if x.device.type != "cpu":
        return f"pays on a CPU, got {x.device.type}"
    if torch.is_autocast_enabled("cpu"):
        return "autocast has a precision for convolutions"
    if conv.weight.dtype != x.dtype:
        return f"takes weights of {x.dtype}, as the map, got {conv.weight.dtype}"
    return why_not_plain(conv, kind)


def _why_not_projected(x: Tensor, conv: nn.Conv2d) -> str | None:
    options = (conv.kernel_size, conv.stride, conv.groups, conv.padding)
    if options != ((1, 1), (1, 1), 1, (0, 0)):
        return f"takes a convolution of one place, got {conv}"
    return _why_not_product(x, conv, nn.Conv2d)


def _why_not_slid(means: Tensor, conv: nn.Conv1d) -> str | None:
    side = conv.kernel_size[0]
    channels = (conv.in_channels, conv.out_channels)
    options = (conv.stride, conv.dilation, conv.padding, conv.padding_mode)
    plain = options == ((1,), (1,), (side // 2,), "zeros") and channels == (1, 1)
    if not plain or conv.bias is not None:
        return f"takes one channel, stride 1, zeros around and no bias, got {conv}"
    return _why_not_product(means, conv, nn.Conv1d)


@project.faster("eager", why_not=_why_not_projected, in_graphs=True)
def _(x: Tensor, conv: nn.Conv2d) -> Tensor:
    weight = conv.weight.flatten(1)
    if x.shape[2] * x.shape[3] == 1:
        return functional.linear(x.flatten(1), weight, conv.bias)[:, :, None, None]
    weights = weight.expand(x.shape[0], -1, -1)
    if conv.bias is None:
        projected = torch.bmm(weights, x.flatten(2))
    else:
        projected = torch.baddbmm(conv.bias[:, None], weights, x.flatten(2))
    return projected.view(*projected.shape[:2], *x.shape[2:])


@slide.faster("eager", why_not=_why_not_slid, in_graphs=True)
def _(means: Tensor, conv: nn.Conv1d) -> Tensor:
    side = conv.kernel_size[0]
    padded = functional.pad(means, (side // 2, side // 2))
    return padded.unfold(1, side, 1) @ conv.weight.flatten()
