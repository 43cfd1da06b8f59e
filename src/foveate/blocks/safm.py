"""SAFM: weigh each value by what its neighbours hold at several scales."""

from __future__ import annotations

from typing import cast, final

import torch
from torch import Tensor, nn

from foveate import _checks, ops
from foveate.blocks._base import Gate
from foveate.blocks._registry import register

__all__ = ["SAFM"]


@register("safm")
@final
class SAFM(Gate):
    """Scale each value by a GELU of convolutions at sizes that halve level by level.

    The channels are shared out among the levels. The gate is not within 0 and 1: it
    can be above, and down to -0.17 below. Its authors normalise the input and add it to
    the output, which the block leaves to its host.

    Args:
        channels: Channels of the feature map, a multiple of ``n_levels``.
        n_levels: Levels; level i looks at maxima at ``1 / 2^i`` of the size, which is
            rounded down but never below 1.

    Shape:
        ``(B, channels, H, W)`` to the same, for any ``H, W >= 1``.

    Raises:
        OptionError: ``channels`` is not a multiple of ``n_levels``.
        ShapeError: The input is not ``(B, channels, H, W)``.

    Example:
        >>> SAFM(64).gate(torch.randn(2, 64, 7, 5)).shape
        torch.Size([2, 64, 7, 5])

    Source: Sun, Dong, Tang, Pan (2023), https://arxiv.org/abs/2302.13800, "spatially-
    adaptive feature modulation".
    """

    def __init__(self, channels: int, *, n_levels: int = 4) -> None:
        super().__init__()
        _checks.positive("SAFM", channels=channels, n_levels=n_levels)
        _checks.multiple_of("SAFM", channels, n_levels, "n_levels")
        width = channels // n_levels
        self.channels = channels
        self.n_levels = n_levels
        self.levels = nn.ModuleList(
            nn.Conv2d(width, width, 3, padding=1, groups=width) for _ in range(n_levels)
        )
        self.aggr = nn.Conv2d(channels, channels, 1)

    def gate(self, x: Tensor) -> Tensor:
        """Return ``(B, channels, H, W)``, at least -0.17."""
        return ops.gate_by_levels(x, *self._weights(), self.n_levels)

    def transform(self, x: Tensor) -> Tensor:
        """Return ``x`` scaled by the gate."""
        return ops.modulate_by_levels(x, *self._weights(), self.n_levels)

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        """Return the gate as ``full``, ``(B, channels, H, W)``."""
        self._check_input(x)
        return {"full": self.gate(x)}

    def _weights(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return kernels and offsets of all levels, and the weights that mix them."""
        levels = [cast("nn.Conv2d", level) for level in self.levels]
        kernels = torch.cat([level.weight for level in levels])
        offsets = torch.cat([cast("Tensor", level.bias) for level in levels])
        return kernels, offsets, self.aggr.weight, cast("Tensor", self.aggr.bias)
