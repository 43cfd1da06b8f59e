"""Concat: stack the channels of maps and project them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from foveate import _checks
from foveate._options import Align
from foveate.blocks._fusion import Alignment, Fusion
from foveate.blocks._registry import register

__all__ = ["Concat"]


@register("concat")
@final
class Concat(Fusion):
    """Stack the channels of maps and project them by a 1x1 convolution.

    Args:
        channels: Channels that it works in and returns.
        num_inputs: How many maps it takes, at least 2.
        bias: Whether the projection has a bias.
        align: What to do with maps of several sizes: ``error``, ``first``, ``largest``
            or ``smallest``.
        in_channels: Channels of each map, if they differ from ``channels``.

    Shape:
        ``num_inputs`` times ``(B, channels, H, W)`` to the same once, for any
        ``H, W >= 1``.

    Raises:
        OptionError: A number does not fit, or ``align`` has no such name.
        ShapeError: A map does not fit; the message says which, and how it differs.

    Example:
        >>> x, z = torch.randn(2, 2, 64, 7, 5)
        >>> Concat(64)(x, z).shape
        torch.Size([2, 64, 7, 5])

    Source: Ronneberger, Fischer, Brox (2015), https://arxiv.org/abs/1505.04597,
    section 2, with one 1x1 convolution in place of two 3x3.
    """

    def __init__(
        self,
        channels: int,
        *,
        num_inputs: int = 2,
        bias: bool = True,
        align: Align = "error",
        in_channels: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        _checks.boolean("Concat", bias=bias)
        self.align = Alignment(
            "Concat",
            channels,
            num_inputs=num_inputs,
            align=align,
            in_channels=in_channels,
        )
        self.project = nn.Conv2d(num_inputs * channels, channels, 1, bias=bias)

    def fuse(self, *maps: Tensor) -> Tensor:
        """Return the projection of the stacked channels."""
        fused: Tensor = self.project(torch.cat(maps, dim=1))
        return fused

    def shares(self, *maps: Tensor) -> dict[str, Tensor]:
        """Return as ``parts`` what the projection makes of each map, without bias."""
        weights = torch.split(self.project.weight, self.channels, dim=1)
        parts = [
            functional.conv2d(x, weight)
            for x, weight in zip(maps, weights, strict=True)
        ]
        return {"parts": torch.stack(parts, dim=1)}
