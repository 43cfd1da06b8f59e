"""SAFM: weigh each value by what its neighbours hold at several scales."""

from __future__ import annotations

import math
from typing import final

from keras import ops

from foveate import _checks
from foveate.keras._base import Gate
from foveate.keras._layers import conv, depthwise_conv
from foveate.keras._numbers import ACTIVATIONS, Tensor
from foveate.keras._registry import register
from foveate.keras._resizing import resize_nearest

__all__ = ["SAFM"]


@register("safm")
@final
class SAFM(Gate):
    """Scale each value by a GELU of convolutions at sizes that halve level by level.

    The channels are shared out among the levels. The gate is not within 0 and 1: it
    can be above, and down to -0.17 below. Its authors normalise the input and add it to
    the output, which the block leaves to its host.
    """

    def check(self) -> None:
        """Raise OptionError if ``n_levels`` is not greater than 0."""
        _checks.positive(self.owner, n_levels=self.options.n_levels)

    def check_channels(self, channels: int) -> None:
        """Raise OptionError unless the levels share out the channels evenly."""
        _checks.multiple_of(self.owner, channels, self.options.n_levels, "n_levels")

    def create_parts(self, channels: int) -> None:
        """Create the convolution of each level, and what mixes them."""
        width = channels // self.options.n_levels
        self.levels = [
            depthwise_conv(f"levels_{number}", width, 3, dtype=self.dtype_policy)
            for number in range(self.options.n_levels)
        ]
        self.aggr = conv("aggr", channels, channels, dtype=self.dtype_policy)

    def look(self, x: Tensor) -> dict[str, Tensor]:
        """Return the gate as ``full``."""
        height, width = ops.shape(x)[1], ops.shape(x)[2]
        answers = []
        for number, share in enumerate(ops.split(x, len(self.levels), axis=3)):
            answer = self.levels[number](_max_pool(share, 2**number))
            answers.append(resize_nearest(answer, height, width))
        mixed = self.aggr(ops.concatenate(answers, axis=3))
        return {"full": ACTIVATIONS["gelu"](mixed)}


def _max_pool(x: Tensor, factor: int) -> Tensor:
    """Return maxima at ``1 / factor`` of the size, rounded down but never below 1.

    Adaptive pooling of Keras would need sizes that are known.
    """
    if factor == 1:
        return x
    return _max_pool_along(_max_pool_along(x, 1, factor), 2, factor)


def _max_pool_along(x: Tensor, axis: int, factor: int) -> Tensor:
    size = ops.shape(x)[axis]
    # max of a number, ops.maximum of what is not known before
    small = size // factor
    count = max(small, 1) if isinstance(small, int) else ops.maximum(small, 1)
    place = ops.arange(count, dtype="int32")
    start = place * size // count
    # rounded up, as adaptive pooling does, so no window is longer than 2 factor - 1
    end = -((place + 1) * -size // count)
    index = start[:, None] + ops.arange(2 * factor - 1, dtype="int32")
    windows = ops.take(x, ops.minimum(index, size - 1), axis=axis)
    inside = ops.reshape(index < end[:, None], (-1, 2 * factor - 1, *(1,) * (3 - axis)))
    return ops.amax(ops.where(inside, windows, -math.inf), axis=axis + 1)
