"""Shuffle attention: weigh half of each group by channel, half by place, shuffle."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from foveate import _checks, ops
from foveate.blocks._base import Block
from foveate.blocks._registry import register

__all__ = ["ShuffleAttention"]


@register("shuffle")
@final
class ShuffleAttention(Block):
    """Gate one half of each group by channel, the other by place, then mix the halves.

    It permutes the channels, so layers that were trained without it see other input
    than they learned on.

    Args:
        channels: Channels of the feature map, a multiple of ``2 * groups``.
        groups: Groups of channels; all share the same ``3 * channels / groups``
            parameters. The authors' ImageNet models use 64.

    Shape:
        ``(B, channels, H, W)`` to the same, for any ``H, W >= 1``.

    Raises:
        OptionError: ``channels`` is not a multiple of ``2 * groups``.
        ShapeError: The input is not ``(B, channels, H, W)``.

    Example:
        >>> sum(p.numel() for p in ShuffleAttention(64, groups=8).parameters())
        24

    Source: Zhang, Yang (2021), https://arxiv.org/abs/2102.00240, section 3.
    """

    def __init__(self, channels: int, *, groups: int = 8) -> None:
        super().__init__()
        _checks.positive("ShuffleAttention", channels=channels, groups=groups)
        _checks.multiple_of(
            "ShuffleAttention",
            channels,
            2 * groups,
            f"2 * groups, with groups={groups}",
        )
        half = channels // (2 * groups)
        self.channels: int = channels
        self.groups = groups
        self.channel_weight = nn.Parameter(torch.zeros(1, half, 1, 1))
        self.channel_bias = nn.Parameter(torch.ones(1, half, 1, 1))
        self.spatial_weight = nn.Parameter(torch.zeros(1, half, 1, 1))
        self.spatial_bias = nn.Parameter(torch.ones(1, half, 1, 1))
        self.norm = nn.GroupNorm(half, half)

    def transform(self, x: Tensor) -> Tensor:
        """Return the gated channels, shuffled in two."""
        return ops.halves_scale(x, *self._lines(), self.norm.eps)

    def gate_before_shuffle(self, x: Tensor) -> Tensor:
        """Return the gate of each channel of ``x``, ``(B, channels, H, W)``."""
        return ops.halves_gate(x, *self._lines(), self.norm.eps)

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        """Return ``full``, ``(B, channels, H, W)``: the gate before the shuffle."""
        self._check_input(x)
        return {"full": self.gate_before_shuffle(x)}

    def extra_repr(self) -> str:
        """Show the options that rebuild this block."""
        return f"{self.channels}, groups={self.groups}"

    def _lines(self) -> tuple[Tensor, Tensor]:
        """Return weight and bias of the logits of each channel of a group.

        In the half that is gated by place those of the normalisation are part of them.
        """
        slope, shift = self.spatial_weight.flatten(), self.spatial_bias.flatten()
        slope, shift = slope * self.norm.weight, slope * self.norm.bias + shift
        weight = torch.cat([self.channel_weight.flatten(), slope])
        return weight, torch.cat([self.channel_bias.flatten(), shift])
