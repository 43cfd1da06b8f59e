"""Criss-cross attention: let each place look along its row and its column."""

from __future__ import annotations

import math
from typing import Any, ClassVar, final

from keras import ops

from foveate import _checks
from foveate.keras._layers import conv
from foveate.keras._numbers import Tensor, at_least_float32
from foveate.keras._pairwise import Pairwise
from foveate.keras._registry import register

__all__ = ["CrissCrossAttention"]


@register("criss_cross")
@final
class CrissCrossAttention(Pairwise):
    """Add to each place a weighted mean of its row and its column.

    A place weighs the ``H + W - 1`` places of its cross, itself once, by a softmax over
    products of its query with their keys. The mean is scaled by ``gamma``, which starts
    at 0: a new block returns its input. Memory grows with ``H * W * (H + W)``.
    """

    starts_as_identity: ClassVar[bool] = True

    def check(self) -> None:
        """Raise OptionError if ``recurrence`` is not greater than 0."""
        _checks.positive(self.owner, recurrence=self.options.recurrence)

    def create_parts(self, channels: int) -> None:
        """Create the projections, and ``gamma``."""
        width = self.width(channels)
        self.query = conv("query", channels, width, dtype=self.dtype_policy)
        self.key = conv("key", channels, width, dtype=self.dtype_policy)
        self.value = conv("value", channels, channels, dtype=self.dtype_policy)
        self.gamma = self.add_weight(name="gamma", shape=(1,), initializer="zeros")

    def transform(self, x: Tensor) -> Tensor:
        """Return ``x`` after all passes."""
        for _ in range(self.options.recurrence):
            x = self._pass(x)
        return x

    def attention(self, x: Tensor, row: Any, column: Any) -> Tensor:
        """Return where one place looks in the last pass, 0 off its cross."""
        for _ in range(self.options.recurrence - 1):
            x = self._pass(x)
        height, width = ops.shape(x)[1], ops.shape(x)[2]
        one = self.query(x[:, row : row + 1, column : column + 1])
        cross = ops.concatenate([x[:, row], x[:, :, column]], axis=1)
        keys = self.key(cross[:, None])
        own = ops.arange(width + height) == width + row
        wide = at_least_float32(one[:, 0]), at_least_float32(keys[:, 0])
        logits = ops.where(own, -math.inf, ops.einsum("bnd,bkd->bnk", *wide))
        weights = ops.softmax(logits, axis=2)[:, :, None]
        here = ops.arange(height)[:, None] == row
        along_row = ops.where(here, weights[..., :width], 0)
        along_column = ops.transpose(weights[..., width:], (0, 1, 3, 2))
        return along_row + ops.where(ops.arange(width) == column, along_column, 0)

    def _pass(self, x: Tensor) -> Tensor:
        """Return ``x`` plus what each place sees along its row and its column."""
        # the weights of a place add up to 1, so a mean of values is the value of a mean
        seen = _criss_cross(self.query(x), self.key(x), x)
        return x + ops.cast(self.gamma, x.dtype) * self.value(seen)


def _criss_cross(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Return the mean of each place's row and column, by a softmax over both."""
    wide = at_least_float32(queries), at_least_float32(keys)
    # ops.matmul would bring float64 to float32 on the torch backend
    by_row = ops.einsum("bhwd,bhkd->bhwk", *wide)
    by_column = ops.einsum("bhwd,bkwd->bhwk", *wide)
    _batch, height, width, _channels = ops.shape(values)
    own = ops.arange(height)[:, None, None] == ops.arange(height)
    # a place is in its row already
    by_column = ops.where(own, -math.inf, by_column)
    logits = ops.concatenate([by_row, by_column], axis=3)
    weights = ops.cast(ops.softmax(logits, axis=3), values.dtype)
    from_row = ops.einsum("bhwk,bhkc->bhwc", weights[..., :width], values)
    from_column = ops.einsum("bhwk,bkwc->bhwc", weights[..., width:], values)
    return from_row + from_column
