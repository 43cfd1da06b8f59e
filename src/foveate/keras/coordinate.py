"""Coordinate attention: weigh each channel by a gate per row and one per column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import keras
from keras import ops

from foveate import _checks
from foveate.errors import OptionError
from foveate.keras._base import Gate
from foveate.keras._layers import conv, norm
from foveate.keras._numbers import ACTIVATIONS, Tensor, mean, named
from foveate.keras._registry import register

__all__ = ["CoordinateAttention"]

NORMS = ("batch_norm", "identity")


@register("coordinate")
@final
class CoordinateAttention(Gate):
    """Scale each value by a gate of its row times a gate of its column: equations 4-9.

    ``norm_layer`` may also be a function of the bottleneck's width that returns a Keras
    layer, and ``act_layer`` a function of a tensor.
    """

    def check(self) -> None:
        """Raise OptionError if a layer has no such name."""
        chosen = self.options.norm_layer
        if isinstance(chosen, str):
            _checks.one_of(self.owner, NORMS, norm_layer=chosen)
        elif not callable(chosen) or isinstance(chosen, type | keras.layers.Layer):
            raise OptionError(
                f"{self.owner}: norm_layer must be a name or a function of channels "
                f"that returns a Keras layer, got {chosen!r}."
            )
        self.act = named(self.owner, ACTIVATIONS, act_layer=self.options.act_layer)

    def create_parts(self, channels: int) -> None:
        """Create the three convolutions and the normalisation."""
        width = self.width(channels)
        own = {"bias": self.options.bias, "dtype": self.dtype_policy}
        self.conv1 = conv("conv1", channels, width, **own)
        self.bn1 = self._norm(width)
        self.conv_h = conv("conv_h", width, channels, **own)
        self.conv_w = conv("conv_w", width, channels, **own)

    def look(self, x: Tensor) -> dict[str, Tensor]:
        """Return ``row`` and ``column``."""
        # columns stand below the rows, as places of one map
        pooled = [mean(x, 2), _turned(mean(x, 1))]
        hidden = self.conv1(ops.concatenate(pooled, axis=1))
        hidden = self.act(hidden if self.bn1 is None else self.bn1(hidden))
        height = ops.shape(x)[1]
        row = ops.sigmoid(self.conv_h(hidden[:, :height]))
        column = ops.sigmoid(_turned(self.conv_w(hidden[:, height:])))
        return {"row": row, "column": column}

    def last_layers(self) -> Sequence[keras.layers.Layer]:
        """Return the last convolutions of rows and of columns."""
        return self.conv_h, self.conv_w

    def _norm(self, width: int) -> keras.layers.Layer | None:
        chosen = self.options.norm_layer
        if chosen == "identity":
            return None
        if chosen == "batch_norm":
            return norm("bn1", width, dtype=self.dtype_policy)
        layer = chosen(width)
        # what a function makes knows nothing of the policy of this layer
        layer.dtype_policy = self.dtype_policy
        layer.build((None, None, None, width))
        return layer


def _turned(x: Tensor) -> Tensor:
    """Return a map with rows as columns."""
    return ops.transpose(x, (0, 2, 1, 3))
