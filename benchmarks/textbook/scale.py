"""Textbook blocks of several scales."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["MFE", "SAFM", "SelectiveKernel"]


class SAFM(nn.Module):
    """Sun et al. (2023): depth-wise convolutions of pooled maps, aggregated."""

    def __init__(self, channels: int, n_levels: int = 4) -> None:
        super().__init__()
        width = channels // n_levels
        self.n_levels = n_levels
        self.levels = nn.ModuleList(
            nn.Conv2d(width, width, 3, padding=1, groups=width) for _ in range(n_levels)
        )
        self.aggr = nn.Conv2d(channels, channels, 1)
        self.act = nn.GELU()

    def forward(self, x: Tensor) -> Tensor:
        h, w = x.size()[-2:]
        out = []
        for i, part in enumerate(x.chunk(self.n_levels, dim=1)):
            if i > 0:
                size = (max(h // 2**i, 1), max(w // 2**i, 1))
                s = self.levels[i](functional.adaptive_max_pool2d(part, size))
                s = functional.interpolate(s, size=(h, w), mode="nearest")
            else:
                s = self.levels[i](part)
            out.append(s)
        return self.act(self.aggr(torch.cat(out, dim=1))) * x


class SelectiveKernel(nn.Module):
    """Li et al. (2019): two convolutions, shared out by the mean of their sum."""

    def __init__(self, channels: int, groups: int = 32, reduction: int = 16) -> None:
        super().__init__()
        width = max(channels // reduction, 32)
        self.branches = nn.ModuleList(
            _convolution(channels, 3, dilation=dilation, groups=groups)
            for dilation in (1, 2)
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.attn = nn.Sequential(
            OrderedDict(
                fc1=nn.Conv2d(channels, width, 1, bias=False),
                bn=nn.BatchNorm2d(width),
                act=nn.ReLU(inplace=True),
                fc2=nn.Conv2d(width, 2 * channels, 1, bias=False),
            )
        )
        self.softmax = nn.Softmax(dim=1)

    def forward(self, x: Tensor) -> Tensor:
        feats = torch.stack([branch(x) for branch in self.branches], dim=1)
        s = self.pool(feats.sum(dim=1))
        shares = self.attn(s).view(x.size(0), 2, -1, 1, 1)
        return (feats * self.softmax(shares)).sum(dim=1)


class MFE(nn.Module):
    """Xie et al. (2023): a chain of dilated convolutions, shared out, projected."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            _convolution(channels, 3, dilation=dilation) for dilation in (1, 2, 4, 8)
        )
        self.msf = _Fusion(channels)

    def forward(self, x: Tensor) -> Tensor:
        feats = [self.branches[0](x)]
        for branch in self.branches[1:]:
            feats.append(branch(feats[-1] + x))
        return self.msf.project(self.msf(feats) + x)


class _Fusion(nn.Module):
    """Several maps added up by a softmax over the sigmoids of their means."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.ModuleList(
            nn.Conv2d(channels, channels, 1, bias=False) for _ in range(4)
        )
        self.sigmoid = nn.Sigmoid()
        self.softmax = nn.Softmax(dim=1)
        self.project = _convolution(channels, 1)

    def forward(self, feats: list[Tensor]) -> Tensor:
        shares = torch.stack(
            [fc(self.pool(x)) for fc, x in zip(self.fc, feats, strict=True)], dim=1
        )
        shares = self.softmax(self.sigmoid(shares))
        return (torch.stack(feats, dim=1) * shares).sum(dim=1)


def _convolution(
    channels: int, kernel_size: int, dilation: int = 1, groups: int = 1
) -> nn.Sequential:
    conv = nn.Conv2d(
        channels,
        channels,
        kernel_size,
        padding=dilation * (kernel_size // 2),
        dilation=dilation,
        groups=groups,
        bias=False,
    )
    return nn.Sequential(
        OrderedDict(conv=conv, bn=nn.BatchNorm2d(channels), act=nn.ReLU(inplace=True))
    )
