"""Textbook blocks that shuffle channels or shift maps."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["S2Attention", "ShuffleAttention"]


class ShuffleAttention(nn.Module):
    """Zhang, Yang (2021): half of each group by channel, half by place."""

    def __init__(self, channels: int, groups: int = 8) -> None:
        super().__init__()
        half = channels // (2 * groups)
        self.groups = groups
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.channel_weight = nn.Parameter(torch.zeros(1, half, 1, 1))
        self.channel_bias = nn.Parameter(torch.ones(1, half, 1, 1))
        self.spatial_weight = nn.Parameter(torch.zeros(1, half, 1, 1))
        self.spatial_bias = nn.Parameter(torch.ones(1, half, 1, 1))
        self.norm = nn.GroupNorm(half, half)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        b, c, h, w = x.size()
        x = x.reshape(b * self.groups, -1, h, w)
        x_0, x_1 = x.chunk(2, dim=1)
        y = self.pool(x_0)
        y = self.channel_weight * y + self.channel_bias
        x_0 = x_0 * self.sigmoid(y)
        y = self.norm(x_1)
        y = self.spatial_weight * y + self.spatial_bias
        x_1 = x_1 * self.sigmoid(y)
        out = torch.cat([x_0, x_1], dim=1).reshape(b, c, h, w)
        out = out.reshape(b, 2, -1, h, w).permute(0, 2, 1, 3, 4)
        return out.reshape(b, c, h, w)


class _SplitAttention(nn.Module):
    """Three branches, shared out by a softmax over a perceptron of their sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, channels, bias=False)
        self.gelu = nn.GELU()
        self.fc2 = nn.Linear(channels, 3 * channels, bias=False)
        self.softmax = nn.Softmax(dim=1)

    def forward(self, branches: Tensor) -> Tensor:
        b, k, h, w, c = branches.shape
        a = branches.reshape(b, k, h * w, c).sum(dim=1).sum(dim=1)
        shares = self.fc2(self.gelu(self.fc1(a))).reshape(b, k, c)
        shares = self.softmax(shares).unsqueeze(2).unsqueeze(2)
        return (shares * branches).sum(dim=1)


class S2Attention(nn.Module):
    """Yu et al. (2021): shifts four ways, in three branches, with channels last."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.expand = nn.Linear(channels, 3 * channels)
        self.split = _SplitAttention(channels)
        self.project = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        c = x.shape[1]
        x = self.expand(x.permute(0, 2, 3, 1))
        x_1 = _shift(x[..., :c], (1, 2))
        x_2 = _shift(x[..., c : 2 * c], (2, 1))
        branches = torch.stack([x_1, x_2, x[..., 2 * c :]], dim=1)
        return self.project(self.split(branches)).permute(0, 3, 1, 2)


def _shift(x: Tensor, axes: tuple[int, int]) -> Tensor:
    """Move the quarters of the channels by one place; the border keeps its values."""
    quarters = x.chunk(4, dim=-1)
    moved = [
        _move(quarter, axes[number // 2], forward=number % 2 == 0)
        for number, quarter in enumerate(quarters)
    ]
    return torch.cat(moved, dim=-1)


def _move(x: Tensor, axis: int, *, forward: bool) -> Tensor:
    last = x.shape[axis] - 1
    if forward:
        return torch.cat([x.narrow(axis, 0, 1), x.narrow(axis, 0, last)], dim=axis)
    return torch.cat([x.narrow(axis, 1, last), x.narrow(axis, last, 1)], dim=axis)
