"""Second-order channel attention: weigh channels by how they vary together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import keras
from keras import ops

from foveate import _checks
from foveate.keras._base import SigmoidGate
from foveate.keras._layers import conv
from foveate.keras._numbers import (
    Tensor,
    at_least_float32,
    mean,
    mean_over_places,
    per_image,
)
from foveate.keras._registry import register

__all__ = ["SOCA"]

TINY = 1e-24
"""Is added to a trace: the root of much less has no gradient in float32."""


@register("soca")
@final
class SOCA(SigmoidGate):
    """Scale each channel by how much it varies together with all others.

    Steps towards the root of a covariance cost more than ``channels ** 3`` products an
    image: wide layers are dear. They are worked out in float32 or better.
    """

    def check(self) -> None:
        """Raise OptionError if a number is not greater than 0."""
        chosen = self.options
        _checks.positive(
            self.owner, num_iters=chosen.num_iters, max_side=chosen.max_side
        )

    def create_parts(self, channels: int) -> None:
        """Create both projections."""
        width = self.width(channels)
        self.fc1 = conv("fc1", channels, width, dtype=self.dtype_policy)
        self.fc2 = conv("fc2", width, channels, dtype=self.dtype_policy)

    def logits(self, x: Tensor) -> Tensor:
        """Return ``(B, 1, 1, C)``."""
        pooled = per_image(ops.cast(self.pool(x), x.dtype))
        return self.fc2(ops.relu(self.fc1(pooled)))

    def pool(self, x: Tensor) -> Tensor:
        """Return the mean column of the covariance's square root, ``(B, C)``."""
        spread = _covariance(_middle(at_least_float32(x), self.options.max_side))
        return mean(_square_root(spread, self.options.num_iters), 1)[:, 0]

    def last_layers(self) -> Sequence[keras.layers.Layer]:
        """Return the projection that gives the logits."""
        return (self.fc2,)


def _middle(x: Tensor, most: int) -> Tensor:
    """Return a map cut to at most so many rows and columns, from its middle."""
    if any(side is None or side > most for side in x.shape[1:3]):
        height, top = _cut(ops.shape(x)[1], most)
        width, left = _cut(ops.shape(x)[2], most)
        x = x[:, top : top + height, left : left + width]
    return x


def _cut(side: Any, most: int) -> tuple[Any, Any]:
    """Return how many places of a side are left, and where they start."""
    left = min(side, most) if isinstance(side, int) else ops.minimum(side, most)
    return left, (side - left) // 2


def _covariance(x: Tensor) -> Tensor:
    """Return the covariance of the channels over the places, ``(B, C, C)``.

    Places are centred first and multiplied then: no loss where the mean is large.
    """
    batch, height, width, _ = ops.shape(x)
    centred = x - mean_over_places(x)
    rows = ops.reshape(centred, (batch, height * width, x.shape[3]))
    # not ops.matmul, which rounds float64 to float32 on PyTorch and JAX
    products = ops.transpose(rows, (0, 2, 1)) @ rows
    return products / ops.cast(height * width, x.dtype)


def _square_root(matrix: Tensor, num_iters: int) -> Tensor:
    """Return the square root of matrices by the steps of Newton and Schulz.

    The root of a matrix of zeros is zeros, with gradients that are finite.
    """
    one = ops.eye(matrix.shape[1], dtype=matrix.dtype)
    trace = ops.sum(matrix * one, axis=(1, 2), keepdims=True)
    # twice by the root: JAX's gradient of a quotient squares the divisor, which is 0
    shrink = ops.rsqrt(trace + TINY)
    root = matrix * shrink * shrink
    # the inverse of the root starts as the identity, so it needs no product here
    step = inverse = (3 * one - root) / 2
    root = root @ step
    for number in range(1, num_iters):
        if number > 1:
            inverse = step @ inverse
        step = (3 * one - inverse @ root) / 2
        root = root @ step
    return root / shrink
