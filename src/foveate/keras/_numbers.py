"""Sums, maxima and activations that give torch's numbers on every backend."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import keras
from keras import ops

from foveate import _checks
from foveate.errors import OptionError

__all__ = [
    "ACTIVATIONS",
    "GATES",
    "PLACES",
    "POOLED",
    "Tensor",
    "at_least_float32",
    "channel_shuffle",
    "flat",
    "mean",
    "mean_max_over_channels",
    "mean_max_over_places",
    "mean_over_places",
    "named",
    "per_image",
    "weighted_sum",
]

Tensor = Any
"""A tensor of whichever backend runs."""

PLACES = (1, 2)
"""The axes of a map that are rows and columns."""

ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "gelu": partial(ops.gelu, approximate=False),
    "hardswish": ops.hard_swish,
    "leaky_relu_0.1": partial(ops.leaky_relu, negative_slope=0.1),
    "relu": ops.relu,
    "relu6": ops.relu6,
    "silu": ops.silu,
}
"""Activations by name: those of the blocks for PyTorch."""

GATES: Mapping[str, Callable[[Tensor], Tensor]] = {
    "hard_sigmoid": ops.hard_sigmoid,
    "sigmoid": ops.sigmoid,
}
"""What turns logits into a gate, by name."""


def named(
    owner: str, known: Mapping[str, Callable[[Tensor], Tensor]], **options: Any
) -> Callable[[Tensor], Tensor]:
    """Return the function that one option names, or is.

    Raises:
        OptionError: It is neither one of ``known`` nor a function.
    """
    ((option, value),) = options.items()
    if isinstance(value, str):
        _checks.one_of(owner, known, **{option: value})
        return known[value]
    if not callable(value) or isinstance(value, type | keras.layers.Layer):
        raise OptionError(
            f"{owner}: {option} must be a name or a function such as "
            f"keras.activations.elu, got {value!r}."
        )
    function: Callable[[Tensor], Tensor] = value
    return function


def at_least_float32(x: Tensor) -> Tensor:
    """Return ``x`` in float32 if it is float16 or bfloat16, else ``x`` itself.

    Sums of squares over a map overflow float16 without a NaN to show for it.
    """
    kind = keras.backend.standardize_dtype(x.dtype)
    return ops.cast(x, kind if kind == "float64" else "float32")


def mean(x: Tensor, axis: int | Sequence[int]) -> Tensor:
    """Return the mean over axes, which stay as sides of 1, in the type of ``x``.

    On PyTorch and JAX, ``keras.ops.mean`` rounds float64 to float32.
    """
    wide = at_least_float32(x)
    sizes = ops.shape(x)
    count = math.prod(sizes[n] for n in ([axis] if isinstance(axis, int) else axis))
    total = ops.sum(wide, axis=axis, keepdims=True)
    return ops.cast(total / ops.cast(count, wide.dtype), x.dtype)


def mean_over_places(x: Tensor) -> Tensor:
    """Return the mean of each channel: ``(B, H, W, C)`` to ``(B, 1, 1, C)``."""
    return mean(x, PLACES)


def mean_max_over_places(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and maximum of each channel, twice ``(B, 1, 1, C)``."""
    return mean_over_places(x), ops.amax(x, axis=PLACES, keepdims=True)


def mean_max_over_channels(x: Tensor) -> Tensor:
    """Return mean and maximum over channels at each place: ``(B, H, W, 2)``."""
    return ops.concatenate([mean(x, 3), ops.amax(x, axis=3, keepdims=True)], axis=3)


def _lp(x: Tensor) -> Tensor:
    squares = ops.square(at_least_float32(x))
    total = ops.sum(squares, axis=PLACES, keepdims=True)
    # the root of 0 has no gradient: that of a channel of zeros is 0, as in torch
    some = total > 0
    root = ops.sqrt(ops.where(some, total, ops.ones_like(total)))
    return ops.cast(ops.where(some, root, ops.zeros_like(total)), x.dtype)


def _lse(x: Tensor) -> Tensor:
    wide = at_least_float32(x)
    return ops.cast(ops.logsumexp(wide, axis=PLACES, keepdims=True), x.dtype)


POOLED: Mapping[str, Callable[[Tensor], Tensor]] = {
    "avg": mean_over_places,
    "max": partial(ops.amax, axis=PLACES, keepdims=True),
    "lp": _lp,
    "lse": _lse,
}
"""Ways to pool each channel to one value, by the names of the CBAM code."""


def flat(x: Tensor) -> Tensor:
    """Return the values of each image in a row, by channels as torch has them.

    Args:
        x: ``(B, H, W, C)``.

    Returns:
        ``(B, C * H * W)``.
    """
    return ops.reshape(ops.transpose(x, (0, 3, 1, 2)), (ops.shape(x)[0], -1))


def channel_shuffle(x: Tensor, groups: int) -> Tensor:
    """Interleave ``groups`` runs of channels.

    Channel ``g * C / groups + j`` moves to ``groups * j + g``.

    Args:
        x: ``(B, H, W, C)``, with C a multiple of ``groups``.
        groups: How many runs to interleave.
    """
    shape = ops.shape(x)
    runs = ops.reshape(x, (*shape[:3], groups, x.shape[3] // groups))
    return ops.reshape(ops.transpose(runs, (0, 1, 2, 4, 3)), shape)


def per_image(x: Tensor) -> Tensor:
    """Return ``(B, C)`` as ``(B, 1, 1, C)``, which broadcasts to maps."""
    return x[:, None, None, :]


def weighted_sum(maps: list[Tensor], weights: Tensor) -> Tensor:
    """Return the sum of maps, each times its weights.

    Args:
        maps: Each ``(B, H, W, C)``.
        weights: ``(B, K, 1, 1, C)`` for K maps.
    """
    parts = [x * weights[:, place] for place, x in enumerate(maps)]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total
