"""Pure tensor functions that several blocks share: short references, the truth."""

from __future__ import annotations

from foveate.ops.gates import scale, sigmoid_scale
from foveate.ops.layout import channel_shuffle, in_layout_of
from foveate.ops.pooling import POOLS, mean_max_over_channels, mean_over_places, pool
from foveate.ops.precision import at_least_float32, at_least_one
from foveate.ops.resizing import resize

__all__ = [
    "POOLS",
    "at_least_float32",
    "at_least_one",
    "channel_shuffle",
    "in_layout_of",
    "mean_max_over_channels",
    "mean_over_places",
    "pool",
    "resize",
    "scale",
    "sigmoid_scale",
]
