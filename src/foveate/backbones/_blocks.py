"""Residual blocks of both versions, basic and bottleneck.

The names of the layers, and so the keys of a checkpoint, are those of torchvision.
"""

from __future__ import annotations

from typing import final

from torch import Tensor, nn

from foveate.backbones._residual import Residual, StrideAt, conv, projection

__all__ = ["Basic", "Bottleneck", "PreActivationBasic", "PreActivationBottleneck"]


@final
class Basic(Residual):
    """Two 3x3 convolutions, each followed by BatchNorm.

    Args:
        in_channels: Channels of the input.
        width: Channels of both convolutions and of the output.
        stride: Of the first convolution and of the shortcut.

    Shape:
        ``(B, in_channels, H, W)`` to ``(B, width, H / stride, W / stride)``, rounded
        up.

    Source: He, Zhang, Ren, Sun (2015), https://arxiv.org/abs/1512.03385, figure 5 left.
    """

    def __init__(self, in_channels: int, width: int, *, stride: int = 1) -> None:
        super().__init__()
        self.out_channels = width
        self.conv1 = conv(in_channels, width, 3, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = conv(width, width, 3)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = projection(in_channels, width, stride, norm=True)

    def forward(self, x: Tensor) -> Tensor:
        """Return the branch plus the shortcut of ``x``, after a ReLU."""
        shortcut = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self._attended(self.conv2(out), "after_conv2"))
        total: Tensor = self.relu(self._attended(out, "branch_end") + shortcut)
        return total


@final
class Bottleneck(Residual):
    """A 3x3 convolution between two 1x1, each followed by BatchNorm.

    Args:
        in_channels: Channels of the input.
        width: Channels of the 3x3 convolution; the output has four times as many.
        stride: Of one convolution of the branch and of the shortcut.
        stride_at: Which one: ``3x3``, or the first ``1x1`` as in the paper.

    Shape:
        ``(B, in_channels, H, W)`` to ``(B, 4 * width, H / stride, W / stride)``,
        rounded up.

    Source: He, Zhang, Ren, Sun (2015), https://arxiv.org/abs/1512.03385, figure 5
    right.
    """

    def __init__(
        self,
        in_channels: int,
        width: int,
        *,
        stride: int = 1,
        stride_at: StrideAt = "3x3",
    ) -> None:
        super().__init__()
        self.out_channels = 4 * width
        first, second = (1, stride) if stride_at == "3x3" else (stride, 1)
        self.conv1 = conv(in_channels, width, 1, first)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = conv(width, width, 3, second)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = conv(width, self.out_channels, 1)
        self.bn3 = nn.BatchNorm2d(self.out_channels)
        self.downsample = projection(in_channels, self.out_channels, stride, norm=True)

    def forward(self, x: Tensor) -> Tensor:
        """Return the branch plus the shortcut of ``x``, after a ReLU."""
        shortcut = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self._attended(self.conv2(out), "after_conv2"))
        out = self.bn3(self.conv3(self.relu(out)))
        total: Tensor = self.relu(self._attended(out, "branch_end") + shortcut)
        return total


@final
class PreActivationBasic(Residual):
    """Two 3x3 convolutions, each after BatchNorm and ReLU.

    Nothing follows the addition. Where the shape changes, the shortcut projects the
    activated input, without BatchNorm.

    Args:
        in_channels: Channels of the input.
        width: Channels of both convolutions and of the output.
        stride: Of the first convolution and of the shortcut.

    Shape:
        ``(B, in_channels, H, W)`` to ``(B, width, H / stride, W / stride)``, rounded
        up.

    Source: He, Zhang, Ren, Sun (2016), https://arxiv.org/abs/1603.05027, figure 4 (e).
    """

    def __init__(self, in_channels: int, width: int, *, stride: int = 1) -> None:
        super().__init__()
        self.out_channels = width
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv1 = conv(in_channels, width, 3, stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv2 = conv(width, width, 3)
        self.downsample = projection(in_channels, width, stride, norm=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the branch plus the shortcut of ``x``."""
        active = self.relu(self.bn1(x))
        shortcut = x if self.downsample is None else self.downsample(active)
        out = self.conv1(active)
        out = self._attended(self.conv2(self.relu(self.bn2(out))), "after_conv2")
        return self._attended(out, "branch_end") + shortcut


@final
class PreActivationBottleneck(Residual):
    """A 3x3 convolution between two 1x1, each after BatchNorm and ReLU.

    Nothing follows the addition. Where the shape changes, the shortcut projects the
    activated input, without BatchNorm.

    Args:
        in_channels: Channels of the input.
        width: Channels of the 3x3 convolution; the output has four times as many.
        stride: Of one convolution of the branch and of the shortcut.
        stride_at: Which one: ``3x3``, or the first ``1x1``.

    Shape:
        ``(B, in_channels, H, W)`` to ``(B, 4 * width, H / stride, W / stride)``,
        rounded up.

    Source: He, Zhang, Ren, Sun (2016), https://arxiv.org/abs/1603.05027, figure 4 (e).
    """

    def __init__(
        self,
        in_channels: int,
        width: int,
        *,
        stride: int = 1,
        stride_at: StrideAt = "3x3",
    ) -> None:
        super().__init__()
        self.out_channels = 4 * width
        first, second = (1, stride) if stride_at == "3x3" else (stride, 1)
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv1 = conv(in_channels, width, 1, first)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv2 = conv(width, width, 3, second)
        self.bn3 = nn.BatchNorm2d(width)
        self.conv3 = conv(width, self.out_channels, 1)
        self.downsample = projection(in_channels, self.out_channels, stride, norm=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the branch plus the shortcut of ``x``."""
        active = self.relu(self.bn1(x))
        shortcut = x if self.downsample is None else self.downsample(active)
        out = self.relu(self.bn2(self.conv1(active)))
        out = self._attended(self.conv2(out), "after_conv2")
        out = self.conv3(self.relu(self.bn3(out)))
        return self._attended(out, "branch_end") + shortcut
