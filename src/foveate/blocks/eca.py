"""Efficient channel attention: weigh a channel by its mean and its neighbours'."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import final

from torch import Tensor, nn

from foveate import _checks, ops
from foveate._options import kernel_size_of
from foveate.blocks._base import SigmoidGate
from foveate.blocks._registry import register

__all__ = ["ECA"]


@register("eca")
@final
class ECA(SigmoidGate):
    """Scale each channel by a convolution over the means of all channels.

    Args:
        channels: Channels of the feature map.
        kernel_size: Width of the convolution, odd. None: the paper's rule, the odd
            number at or above ``|(log2(channels) + b) / gamma|``.
        gamma: Divides the logarithm in that rule.
        b: Is added to the logarithm in that rule.

    Shape:
        ``(B, channels, H, W)`` to the same, for any ``H, W >= 1``.

    Raises:
        OptionError: ``kernel_size`` is even, or a value is out of its range.
        ShapeError: The input is not ``(B, channels, H, W)``.

    Example:
        >>> ECA(64).conv.kernel_size, ECA(256).conv.kernel_size
        ((3,), (5,))

    Source: Wang et al. (2020), https://arxiv.org/abs/1910.03151, equations 9 and 12.
    """

    def __init__(
        self,
        channels: int,
        *,
        kernel_size: int | None = None,
        gamma: float = 2,
        b: float = 1,
    ) -> None:
        super().__init__()
        _checks.positive("ECA", channels=channels)
        _checks.number("ECA", above=0, gamma=gamma)
        _checks.number("ECA", above=-math.inf, b=b)
        if kernel_size is None:
            kernel_size = kernel_size_of(channels, gamma=gamma, b=b)
        _checks.odd("ECA", kernel_size=kernel_size)
        self.channels = channels
        self.conv = nn.Conv1d(1, 1, kernel_size, padding=kernel_size // 2, bias=False)

    def logits(self, x: Tensor) -> Tensor:
        """Return ``(B, channels, 1, 1)``."""
        means = ops.mean_over_places(x).flatten(1)
        return ops.slide(means, self.conv)[:, :, None, None]

    def last_layers(self) -> Sequence[nn.Module]:
        """Return the convolution."""
        return (self.conv,)

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        """Return the gate as ``channel``, ``(B, channels, 1, 1)``."""
        return {"channel": self.gate(x)}
