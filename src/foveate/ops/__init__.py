"""Pure tensor functions that several blocks share: short references, the truth."""

from __future__ import annotations

from foveate.ops.attention import attention_logits, attention_weights
from foveate.ops.covariance import covariance, square_root
from foveate.ops.gates import scale, sigmoid_scale, weighted_sum
from foveate.ops.layout import channel_shuffle, in_layout_of
from foveate.ops.pooling import (
    POOLS,
    bordered_max_pool,
    mean_max_over_channels,
    mean_over_places,
    pool,
)
from foveate.ops.precision import at_least_float32, at_least_one, without_autocast
from foveate.ops.resizing import resize, resize_nearest_inside_border
from foveate.ops.shifting import shift

__all__ = [
    "POOLS",
    "at_least_float32",
    "at_least_one",
    "attention_logits",
    "attention_weights",
    "bordered_max_pool",
    "channel_shuffle",
    "covariance",
    "in_layout_of",
    "mean_max_over_channels",
    "mean_over_places",
    "pool",
    "resize",
    "resize_nearest_inside_border",
    "scale",
    "shift",
    "sigmoid_scale",
    "square_root",
    "weighted_sum",
    "without_autocast",
]
