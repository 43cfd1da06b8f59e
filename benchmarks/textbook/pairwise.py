"""Textbook attention of places to places."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

__all__ = ["OSRA", "CrissCrossAttention"]


class CrissCrossAttention(nn.Module):
    """Huang et al. (2019): one softmax over the row and the column of each place."""

    def __init__(self, channels: int, reduction: int = 8) -> None:
        super().__init__()
        width = max(channels // reduction, 1)
        self.query = nn.Conv2d(channels, width, 1)
        self.key = nn.Conv2d(channels, width, 1)
        self.value = nn.Conv2d(channels, channels, 1)
        self.softmax = nn.Softmax(dim=3)
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        b, _, h, w = x.size()
        query, key, value = self.query(x), self.key(x), self.value(x)
        energy_h = _by_column(query).transpose(1, 2).bmm(_by_column(key))
        # a place counts once, in its row
        itself = torch.full((h,), float("inf"), device=x.device, dtype=x.dtype)
        energy_h = energy_h - torch.diag(itself).unsqueeze(0).repeat(b * w, 1, 1)
        energy_h = energy_h.view(b, w, h, h).permute(0, 2, 1, 3)
        energy_w = _by_row(query).transpose(1, 2).bmm(_by_row(key)).view(b, h, w, w)
        attention = self.softmax(torch.cat([energy_h, energy_w], dim=3))
        att_h = attention[..., :h].permute(0, 2, 1, 3).reshape(b * w, h, h)
        att_w = attention[..., h:].reshape(b * h, w, w)
        out_h = _by_column(value).bmm(att_h.transpose(1, 2))
        out_w = _by_row(value).bmm(att_w.transpose(1, 2))
        out_h = out_h.view(b, w, -1, h).permute(0, 2, 3, 1)
        out_w = out_w.view(b, h, -1, w).permute(0, 2, 1, 3)
        return self.gamma * (out_h + out_w) + x


def _by_column(x: Tensor) -> Tensor:
    b, c, h, w = x.size()
    return x.permute(0, 3, 1, 2).reshape(b * w, c, h)


def _by_row(x: Tensor) -> Tensor:
    b, c, h, w = x.size()
    return x.permute(0, 2, 1, 3).reshape(b * h, c, w)


class OSRA(nn.Module):
    """Lou et al. (2025): each place looks at a reduced map."""

    def __init__(self, channels: int, num_heads: int = 8, sr_ratio: int = 2) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.scale = (channels // num_heads) ** -0.5
        side = sr_ratio + 3
        self.q = nn.Conv2d(channels, channels, 1)
        self.sr = nn.Sequential(
            OrderedDict(
                conv1=nn.Conv2d(
                    channels,
                    channels,
                    side,
                    stride=sr_ratio,
                    padding=side // 2,
                    groups=channels,
                    bias=False,
                ),
                bn1=nn.BatchNorm2d(channels),
                act=nn.GELU(),
                conv2=nn.Conv2d(channels, channels, 1, groups=channels, bias=False),
                bn2=nn.BatchNorm2d(channels),
            )
        )
        self.local_conv = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.kv = nn.Conv2d(channels, 2 * channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        b, c, h, w = x.size()
        heads, size = self.num_heads, c // self.num_heads
        q = self.q(x).reshape(b, heads, size, -1).transpose(-1, -2)
        kv = self.sr(x)
        kv = self.local_conv(kv) + kv
        k, v = torch.chunk(self.kv(kv), chunks=2, dim=1)
        k = k.reshape(b, heads, size, -1)
        v = v.reshape(b, heads, size, -1).transpose(-1, -2)
        attn = (q @ k) * self.scale
        attn = torch.softmax(attn, dim=-1)
        return (attn @ v).transpose(-1, -2).reshape(b, c, h, w)
