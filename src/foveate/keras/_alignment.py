"""Make several maps fit each other, channels last in all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import keras
from keras import ops

from foveate.keras._formats import Size
from foveate.keras._layers import conv
from foveate.keras._numbers import Tensor
from foveate.keras._resizing import resize

__all__ = ["Alignment", "common_size", "differ"]


@final
class Alignment(keras.layers.Layer):
    """Projects maps whose channels differ, and resizes those whose size does.

    Args:
        widths: Channels of each map.
        channels: Channels that each map leaves with.
        policy: ``error``, which resizes nothing, ``first``, ``largest`` or
            ``smallest``.
        dtype: Its dtype policy.
    """

    def __init__(
        self, widths: Sequence[int], channels: int, *, policy: str, dtype: Any
    ) -> None:
        super().__init__(name="align", dtype=dtype)
        self.policy = policy
        self.project = [
            None
            if width == channels
            else conv(f"project_{place}", width, channels, dtype=dtype)
            for place, width in enumerate(widths)
        ]
        self.built = True

    def call(self, inputs: list[Tensor]) -> list[Tensor]:
        """Return the maps, of one shape."""
        projected = [
            x if project is None else project(x)
            for project, x in zip(self.project, inputs, strict=True)
        ]
        if self.policy == "error":
            return projected
        height, width = self._size(inputs)
        # the first needs no work in a graph that does not know its size
        kept = 1 if self.policy == "first" else 0
        return projected[:kept] + [resize(x, height, width) for x in projected[kept:]]

    def _size(self, maps: list[Tensor]) -> tuple[Any, Any]:
        """Return the height and width that all maps get, also if not known before."""
        if self.policy == "first":
            return ops.shape(maps[0])[1], ops.shape(maps[0])[2]
        choose = ops.max if self.policy == "largest" else ops.min
        known = common_size(self.policy, [(x.shape[1], x.shape[2]) for x in maps])
        height, width = (
            choose(ops.stack([ops.shape(x)[axis] for x in maps]))
            if side is None
            else side
            for axis, side in zip((1, 2), known, strict=True)
        )
        return height, width


def common_size(policy: str, sizes: Sequence[Size]) -> Size:
    """Return the size that all maps get, as far as it is known."""
    if policy == "first":
        return sizes[0]
    height, width = (_common(policy, sides) for sides in zip(*sizes, strict=True))
    return height, width


def differ(sides: Sequence[int | None], others: Sequence[int | None]) -> bool:
    """Return whether a side is not that of the others, where both are known."""
    pairs = zip(sides, others, strict=True)
    return any(None not in pair and pair[0] != pair[1] for pair in pairs)


def _common(policy: str, sides: Sequence[int | None]) -> int | None:
    known = [side for side in sides if side is not None]
    # maps that are not resized are of one size
    if policy == "error":
        return known[0] if known else None
    if len(known) < len(sides):
        return None
    return max(known) if policy == "largest" else min(known)
