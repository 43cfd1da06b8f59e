"""What all residual blocks share: a branch, a shortcut, a place for attention."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from foveate._networks import Place, StrideAt

__all__ = ["Place", "Residual", "StrideAt", "conv", "projection"]


class Residual(nn.Module, ABC):
    """A branch added to a shortcut, with one place for attention.

    Attributes:
        out_channels: Channels of the output.
        attention: What looks at the branch; None until ``attend``.
        downsample: The projection of the shortcut; None where it is the input itself.
    """

    out_channels: int
    conv2: nn.Conv2d
    downsample: nn.Sequential | None

    def __init__(self) -> None:
        super().__init__()
        self.relu = nn.ReLU()
        self.attention: nn.Module | None = None
        self.attention_place: Place = "branch_end"
        self.relu_before_attention = False

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Return the branch plus the shortcut of ``x``."""

    def channels_at(self, place: Place) -> int:
        """Return how many channels attention sees at ``place``."""
        if place == "after_conv2":
            return self.conv2.out_channels
        return self.out_channels

    def attend(
        self, attention: nn.Module, place: Place, *, relu_before: bool = False
    ) -> None:
        """Put ``attention`` at ``place``, after a ReLU of its own if asked."""
        self.attention = attention
        self.attention_place = place
        self.relu_before_attention = relu_before

    def _attended(self, out: Tensor, place: Place) -> Tensor:
        """Return ``out`` after the attention, if that stands at ``place``."""
        if self.attention is None or self.attention_place != place:
            return out
        if self.relu_before_attention:
            out = self.relu(out)
        attended: Tensor = self.attention(out)
        return attended


def conv(
    in_channels: int, out_channels: int, kernel_size: int, stride: int = 1
) -> nn.Conv2d:
    """Return a convolution without bias that keeps the size if ``stride`` is 1."""
    return nn.Conv2d(
        in_channels,
        out_channels,
        kernel_size,
        stride=stride,
        padding=kernel_size // 2,
        bias=False,
    )


def projection(
    in_channels: int, out_channels: int, stride: int, *, norm: bool
) -> nn.Sequential | None:
    """Return the layers of a shortcut that changes the shape, else None."""
    if stride == 1 and in_channels == out_channels:
        return None
    layers: list[nn.Module] = [conv(in_channels, out_channels, 1, stride)]
    if norm:
        layers.append(nn.BatchNorm2d(out_channels))
    return nn.Sequential(*layers)
