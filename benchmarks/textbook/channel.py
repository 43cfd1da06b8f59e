"""Textbook gates of channels, and of rows and columns."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["ECA", "SOCA", "ChannelAttention", "CoordinateAttention", "SqueezeExcite"]


class SqueezeExcite(nn.Module):
    """Hu et al. (2018): the sigmoid of two linear layers over the channels' means."""

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        width = max(channels // reduction, 1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Linear(channels, width, bias=False)
        self.relu = nn.ReLU(inplace=True)
        self.fc2 = nn.Linear(width, channels, bias=False)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        b, c, _, _ = x.size()
        y = self.pool(x).view(b, c)
        y = self.sigmoid(self.fc2(self.relu(self.fc1(y)))).view(b, c, 1, 1)
        return x * y.expand_as(x)


class ECA(nn.Module):
    """Wang et al. (2020): the sigmoid of a convolution over the channels' means."""

    def __init__(self, channels: int, gamma: int = 2, b: int = 1) -> None:
        super().__init__()
        t = int(abs((math.log2(channels) + b) / gamma))
        kernel_size = t if t % 2 else t + 1
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.conv = nn.Conv1d(1, 1, kernel_size, padding=kernel_size // 2, bias=False)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        y = self.pool(x)
        y = self.conv(y.squeeze(-1).transpose(-1, -2))
        y = self.sigmoid(y.transpose(-1, -2).unsqueeze(-1))
        return x * y.expand_as(x)


class ChannelAttention(nn.Module):
    """Woo et al. (2018), equation 2: one perceptron over means and over maxima."""

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        width = max(channels // reduction, 1)
        self.avg_pool = nn.AdaptiveAvgPool2d(1)
        self.max_pool = nn.AdaptiveMaxPool2d(1)
        self.fc1 = nn.Conv2d(channels, width, 1)
        self.relu = nn.ReLU()
        self.fc2 = nn.Conv2d(width, channels, 1)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        avg_out = self.fc2(self.relu(self.fc1(self.avg_pool(x))))
        max_out = self.fc2(self.relu(self.fc1(self.max_pool(x))))
        return x * self.sigmoid(avg_out + max_out).expand_as(x)


class CoordinateAttention(nn.Module):
    """Hou et al. (2021): a gate for each row, another for each column."""

    def __init__(self, channels: int, reduction: int = 32) -> None:
        super().__init__()
        width = max(8, channels // reduction)
        self.pool_h = nn.AdaptiveAvgPool2d((None, 1))
        self.pool_w = nn.AdaptiveAvgPool2d((1, None))
        self.conv1 = nn.Conv2d(channels, width, 1)
        self.bn1 = nn.BatchNorm2d(width)
        self.act = nn.Hardswish()
        self.conv_h = nn.Conv2d(width, channels, 1)
        self.conv_w = nn.Conv2d(width, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        _, _, h, w = x.size()
        x_h = self.pool_h(x)
        x_w = self.pool_w(x).permute(0, 1, 3, 2)
        y = torch.cat([x_h, x_w], dim=2)
        y = self.act(self.bn1(self.conv1(y)))
        x_h, x_w = torch.split(y, [h, w], dim=2)
        a_h = self.conv_h(x_h).sigmoid()
        a_w = self.conv_w(x_w.permute(0, 1, 3, 2)).sigmoid()
        return x * a_h * a_w


class SOCA(nn.Module):
    """Dai et al. (2019): the mean column of the root of the covariance of channels."""

    def __init__(self, channels: int, reduction: int = 8, steps: int = 5) -> None:
        super().__init__()
        width = max(channels // reduction, 1)
        self.steps = steps
        self.fc1 = nn.Conv2d(channels, width, 1)
        self.relu = nn.ReLU(inplace=True)
        self.fc2 = nn.Conv2d(width, channels, 1)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        b, c, h, w = x.size()
        y = self.root(self.covariance(x.reshape(b, c, h * w)))
        y = y.mean(dim=1).view(b, c, 1, 1)
        y = self.sigmoid(self.fc2(self.relu(self.fc1(y))))
        return x * y.expand_as(x)

    def covariance(self, x: Tensor) -> Tensor:
        """X I-hat X^T, with I-hat = (I - 1 1^T / N) / N."""
        b, _, n = x.size()
        eye = torch.eye(n, device=x.device, dtype=x.dtype)
        centring = (eye - torch.ones_like(eye) / n) / n
        centring = centring.view(1, n, n).repeat(b, 1, 1)
        return x.bmm(centring).bmm(x.transpose(1, 2))

    def root(self, a: Tensor) -> Tensor:
        """Newton's and Schulz's steps, normalised by the trace before."""
        b, c, _ = a.size()
        eye = torch.eye(c, device=a.device, dtype=a.dtype)
        eye = eye.view(1, c, c).repeat(b, 1, 1)
        trace = (a * eye).sum(dim=(1, 2))
        y = a / trace.view(b, 1, 1).expand_as(a)
        z = eye
        for _ in range(self.steps):
            t = 0.5 * (3.0 * eye - z.bmm(y))
            y = y.bmm(t)
            z = t.bmm(z)
        return y * functional.relu(trace).sqrt().view(b, 1, 1).expand_as(y)
