"""Gated fusion: choose between two maps, value by value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn

from foveate import ops
from foveate._options import Align
from foveate.blocks._fusion import Alignment, Fusion
from foveate.blocks._registry import register

__all__ = ["GatedFusion"]


@register("gated")
@final
class GatedFusion(Fusion):
    """Mix two maps by a gate that both of them set.

    Each value of the output lies between the two it was mixed from.

    Args:
        channels: Channels that it works in and returns.
        align: What to do with maps of two sizes: ``error``, ``first``, ``largest`` or
            ``smallest``.
        in_channels: Channels of each map, if they differ from ``channels``.

    Shape:
        Twice ``(B, channels, H, W)`` to the same once, for any ``H, W >= 1``.

    Raises:
        OptionError: A number does not fit, or ``align`` has no such name.
        ShapeError: A map does not fit; the message says which, and how it differs.

    Example:
        >>> x, z = torch.randn(2, 2, 64, 7, 5)
        >>> GatedFusion(64).maps(x, z)["branch"].shape  # the gate, and 1 - the gate
        torch.Size([2, 2, 64, 7, 5])

    Source: Arevalo, Solorio, Montes-y-Gomez, Gonzalez (2017),
    https://arxiv.org/abs/1702.01992, section 3.1, without its projections of inputs.
    """

    def __init__(
        self,
        channels: int,
        *,
        align: Align = "error",
        in_channels: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.align = Alignment(
            "GatedFusion", channels, num_inputs=2, align=align, in_channels=in_channels
        )
        self.fc1 = nn.Conv2d(channels, channels, 1)
        self.fc2 = nn.Conv2d(channels, channels, 1)

    def gate(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the share of the first map, ``(B, channels, H, W)``."""
        logits: Tensor = self.fc1(first) + self.fc2(second)
        return logits.sigmoid()

    def fuse(self, *maps: Tensor) -> Tensor:
        """Return the mixture of both maps."""
        first, second = maps
        gate = self.gate(first, second)
        return ops.scale(first, gate) + ops.scale(second, 1 - gate)

    def shares(self, *maps: Tensor) -> dict[str, Tensor]:
        """Return as ``branch`` the gate and what is left to 1."""
        gate = self.gate(*maps)
        return {"branch": torch.stack([gate, 1 - gate], dim=1)}
