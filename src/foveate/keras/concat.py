"""Concat: stack the channels of maps and project them."""

from __future__ import annotations

from typing import final

from keras import ops

from foveate.keras._fusion import Fusion
from foveate.keras._layers import conv
from foveate.keras._numbers import Tensor
from foveate.keras._registry import register

__all__ = ["Concat"]


@register("concat")
@final
class Concat(Fusion):
    """Stack the channels of maps and project them by a 1x1 convolution."""

    def create_parts(self, channels: int) -> None:
        """Create the projection."""
        self.project = conv(
            "project",
            self.num_inputs * channels,
            channels,
            bias=self.options.bias,
            dtype=self.dtype_policy,
        )

    def fuse(self, maps: list[Tensor]) -> Tensor:
        """Return the projection of the stacked channels."""
        return self.project(ops.concatenate(maps, axis=3))

    def shares(self, maps: list[Tensor]) -> dict[str, Tensor]:
        """Return as ``parts`` what the projection makes of each map, without bias."""
        kernel = ops.cast(self.project.kernel, maps[0].dtype)
        weights = ops.split(kernel, len(maps), axis=2)
        parts = [
            ops.conv(x, own, data_format="channels_last")
            for x, own in zip(maps, weights, strict=True)
        ]
        return {"parts": ops.stack(parts, axis=1)}
