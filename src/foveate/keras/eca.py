"""Efficient channel attention: weigh a channel by its mean and its neighbours'."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import final

import keras
from keras import ops

from foveate import _checks
from foveate._options import kernel_size_of
from foveate.keras._base import SigmoidGate
from foveate.keras._layers import conv1d
from foveate.keras._numbers import Tensor, mean_over_places
from foveate.keras._registry import register

__all__ = ["ECA"]


@register("eca")
@final
class ECA(SigmoidGate):
    """Scale each channel by a convolution over the means of all: equations 9, 12."""

    def check(self) -> None:
        """Raise OptionError if ``kernel_size`` is even or a value out of its range."""
        _checks.number(self.owner, above=0, gamma=self.options.gamma)
        _checks.number(self.owner, above=-math.inf, b=self.options.b)
        if self.options.kernel_size is not None:
            _checks.odd(self.owner, kernel_size=self.options.kernel_size)

    def create_parts(self, channels: int) -> None:
        """Create the convolution."""
        size = self.options.kernel_size
        if size is None:
            gamma, b = self.options.gamma, self.options.b
            size = kernel_size_of(channels, gamma=gamma, b=b)
        self.conv = conv1d("conv", size, dtype=self.dtype_policy)

    def logits(self, x: Tensor) -> Tensor:
        """Return ``(B, 1, 1, C)``."""
        row = mean_over_places(x)[:, 0, 0, :, None]
        return ops.transpose(self.conv(row)[:, None], (0, 1, 3, 2))

    def last_layers(self) -> Sequence[keras.layers.Layer]:
        """Return the convolution."""
        return (self.conv,)
