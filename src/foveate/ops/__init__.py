"""Pure tensor functions that blocks share: short references, and faster paths."""

from __future__ import annotations

from foveate.ops._op import Choice, Op, explain, using
from foveate.ops.affine import affine_sigmoid_scale, batch_norm_scale, moments
from foveate.ops.attention import attend, attention_logits, attention_weights
from foveate.ops.blending import blend
from foveate.ops.convolving import convolve_to_one
from foveate.ops.covariance import covariance, pool_by_covariance, square_root
from foveate.ops.crossing import criss_cross
from foveate.ops.energy import inverse_energy, simam
from foveate.ops.gates import scale, sigmoid_scale, weighted_sum
from foveate.ops.halves import halves_gate, halves_scale
from foveate.ops.layout import channel_shuffle, in_layout_of
from foveate.ops.modulation import gate_by_levels, modulate_by_levels
from foveate.ops.pooling import (
    POOLS,
    mean_max_over_channels,
    mean_max_over_places,
    mean_of_rows_and_columns,
    mean_over_places,
    pool,
)
from foveate.ops.precision import at_least_float32, at_least_one, without_autocast
from foveate.ops.projecting import project, slide
from foveate.ops.resizing import resize, resize_nearest_inside_border
from foveate.ops.shifting import shift
from foveate.ops.windows import bordered_max_pool

__all__ = [
    "POOLS",
    "Choice",
    "Op",
    "affine_sigmoid_scale",
    "at_least_float32",
    "at_least_one",
    "attend",
    "attention_logits",
    "attention_weights",
    "batch_norm_scale",
    "blend",
    "bordered_max_pool",
    "channel_shuffle",
    "convolve_to_one",
    "covariance",
    "criss_cross",
    "explain",
    "gate_by_levels",
    "halves_gate",
    "halves_scale",
    "in_layout_of",
    "inverse_energy",
    "mean_max_over_channels",
    "mean_max_over_places",
    "mean_of_rows_and_columns",
    "mean_over_places",
    "modulate_by_levels",
    "moments",
    "pool",
    "pool_by_covariance",
    "project",
    "resize",
    "resize_nearest_inside_border",
    "scale",
    "shift",
    "sigmoid_scale",
    "simam",
    "slide",
    "square_root",
    "using",
    "weighted_sum",
    "without_autocast",
]
