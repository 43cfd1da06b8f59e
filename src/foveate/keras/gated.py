"""Gated fusion: choose between two maps, value by value."""

from __future__ import annotations

from typing import final

from keras import ops

from foveate.keras._fusion import Fusion
from foveate.keras._layers import conv
from foveate.keras._numbers import Tensor
from foveate.keras._registry import register

__all__ = ["GatedFusion"]


@register("gated")
@final
class GatedFusion(Fusion):
    """Mix two maps by a gate that both of them set.

    Each value of the output lies between the two it was mixed from.
    """

    def create_parts(self, channels: int) -> None:
        """Create what each map says to the gate."""
        self.fc1 = conv("fc1", channels, channels, dtype=self.dtype_policy)
        self.fc2 = conv("fc2", channels, channels, dtype=self.dtype_policy)

    def fuse(self, maps: list[Tensor]) -> Tensor:
        """Return the mixture of both maps."""
        first, second = maps
        gate = self._gate(maps)
        return first * gate + second * (1 - gate)

    def shares(self, maps: list[Tensor]) -> dict[str, Tensor]:
        """Return as ``branch`` the gate and what is left to 1."""
        gate = self._gate(maps)
        return {"branch": ops.stack([gate, 1 - gate], axis=1)}

    def _gate(self, maps: list[Tensor]) -> Tensor:
        """Return the share of the first map, ``(B, H, W, C)``."""
        first, second = maps
        return ops.sigmoid(self.fc1(first) + self.fc2(second))
