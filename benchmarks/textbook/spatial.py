"""Textbook gates of places."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["SpatialAttention"]


class SpatialAttention(nn.Module):
    """Woo et al. (2018), equation 3: a convolution over means and maxima."""

    def __init__(self, channels: int, kernel_size: int = 7) -> None:
        super().__init__()
        self.channels = channels
        self.conv = nn.Conv2d(2, 1, kernel_size, padding=kernel_size // 2, bias=False)
        self.bn = nn.BatchNorm2d(1, momentum=0.01)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        avg_out = torch.mean(x, dim=1, keepdim=True)
        max_out, _ = torch.max(x, dim=1, keepdim=True)
        y = torch.cat([avg_out, max_out], dim=1)
        return x * self.sigmoid(self.bn(self.conv(y)))
