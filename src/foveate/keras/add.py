"""Add: the fusion that learns nothing."""

from __future__ import annotations

from typing import final

from keras import ops

from foveate.keras._fusion import Fusion
from foveate.keras._numbers import Tensor
from foveate.keras._registry import register

__all__ = ["Add"]


@register("add")
@final
class Add(Fusion):
    """Add maps up."""

    def create_parts(self, channels: int) -> None:
        """Create nothing: it has no parameters but those of projections."""

    def fuse(self, maps: list[Tensor]) -> Tensor:
        """Return the sum of ``maps``."""
        return sum(maps[1:], start=maps[0])

    def shares(self, maps: list[Tensor]) -> dict[str, Tensor]:
        """Return the maps themselves as ``parts``."""
        return {"parts": ops.stack(maps, axis=1)}
