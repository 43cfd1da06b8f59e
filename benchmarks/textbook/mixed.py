"""Textbook gates of channels and places together."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from benchmarks.textbook.channel import ChannelAttention
from benchmarks.textbook.spatial import SpatialAttention

__all__ = ["CBAM", "GAM", "NAM", "JointCBAM", "SimAM"]


class CBAM(nn.Module):
    """Woo et al. (2018), equation 1: channels, then places."""

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        self.channel = ChannelAttention(channels, reduction)
        self.spatial = SpatialAttention(channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.spatial(self.channel(x))


class SimAM(nn.Module):
    """Yang et al. (2021): the inverse energy of each value."""

    def __init__(self, channels: int, e_lambda: float = 1e-4) -> None:
        super().__init__()
        self.channels = channels
        self.e_lambda = e_lambda
        self.activation = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        _, _, h, w = x.size()
        n = h * w - 1
        d = (x - x.mean(dim=[2, 3], keepdim=True)).pow(2)
        v = d.sum(dim=[2, 3], keepdim=True) / n
        y = d / (4 * (v + self.e_lambda)) + 0.5
        return x * self.activation(y)


class NAM(nn.Module):
    """Liu et al. (2021): each value normalised, times the share of its channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channel_bn = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        residual = x
        x = self.channel_bn(x)
        scales = self.channel_bn.weight.detach().abs()
        x = x.permute(0, 2, 3, 1).contiguous()
        x = torch.mul(scales / torch.sum(scales), x)
        x = x.permute(0, 3, 1, 2).contiguous()
        return torch.sigmoid(x) * residual


class JointCBAM(nn.Module):
    """Both gates of CBAM through one perceptron over channels and places."""

    def __init__(
        self, channels: int, spatial_size: tuple[int, int], reduction: int = 16
    ) -> None:
        super().__init__()
        width = max(channels // reduction, 1)
        values = channels + spatial_size[0] * spatial_size[1]
        self.avg_pool = nn.AdaptiveAvgPool2d(1)
        self.max_pool = nn.AdaptiveMaxPool2d(1)
        self.channel = _perceptron(
            nn.Conv2d(channels, width, 1, bias=False),
            nn.Conv2d(width, channels, 1, bias=False),
        )
        self.spatial = nn.Sequential(OrderedDict(conv=nn.Conv2d(2, 1, 7, padding=3)))
        self.mlp = _perceptron(
            nn.Linear(values, width, bias=False), nn.Linear(width, values, bias=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        b, c, h, w = x.size()
        channel = self.channel(self.avg_pool(x)) + self.channel(self.max_pool(x))
        avg_out = torch.mean(x, dim=1, keepdim=True)
        max_out, _ = torch.max(x, dim=1, keepdim=True)
        spatial = self.spatial(torch.cat([avg_out, max_out], dim=1))
        joined = torch.cat([channel.view(b, c), spatial.view(b, h * w)], dim=1)
        gates = torch.sigmoid(self.mlp(joined))
        channel, spatial = torch.split(gates, [c, h * w], dim=1)
        return x * channel.view(b, c, 1, 1) * spatial.view(b, 1, h, w)


class GAM(nn.Module):
    """Liu et al. (2021): a perceptron at every place, then two 7x7 convolutions."""

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        width = channels // reduction
        self.channel = _perceptron(
            nn.Linear(channels, width), nn.Linear(width, channels)
        )
        self.spatial = nn.Sequential(
            OrderedDict(
                conv1=nn.Conv2d(channels, width, 7, padding=3),
                bn1=nn.BatchNorm2d(width),
                act=nn.ReLU(inplace=True),
                conv2=nn.Conv2d(width, channels, 7, padding=3),
                bn2=nn.BatchNorm2d(channels),
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        b, c, h, w = x.size()
        y = x.permute(0, 2, 3, 1).reshape(b, -1, c)
        y = self.channel(y).view(b, h, w, c).permute(0, 3, 1, 2)
        x = x * y.sigmoid()
        return x * self.spatial(x).sigmoid()


def _perceptron(fc1: nn.Module, fc2: nn.Module) -> nn.Sequential:
    return nn.Sequential(OrderedDict(fc1=fc1, act=nn.ReLU(inplace=True), fc2=fc2))
