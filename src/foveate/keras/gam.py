"""GAM: weigh every value by the channels at its place, then by its surroundings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import keras
from keras import ops

from foveate import _checks
from foveate._options import no_open_gate
from foveate.keras._base import Gate
from foveate.keras._layers import conv, norm
from foveate.keras._numbers import Tensor, channel_shuffle
from foveate.keras._registry import register
from foveate.keras._rows import Perceptron

__all__ = ["GAM"]


@register("gam")
@final
class GAM(Gate):
    """Scale each value by a perceptron over channels, then by two large convolutions.

    Section 3. Nothing is pooled, so both gates have one value for each of the input.
    """

    def check(self) -> None:
        """Raise OptionError if ``kernel_size`` is even or the gate is not known."""
        chosen = self.options
        _checks.positive(self.owner, reduction=chosen.reduction, groups=chosen.groups)
        _checks.odd(self.owner, kernel_size=chosen.kernel_size)
        if chosen.channel_gate is not None:
            _checks.one_of(self.owner, ["sigmoid"], channel_gate=chosen.channel_gate)

    def check_channels(self, channels: int) -> None:
        """Raise OptionError if ``channels`` is no multiple of reduction by groups."""
        reduction, groups = self.options.reduction, self.options.groups
        because = f"reduction * groups, with reduction={reduction} and groups={groups}"
        _checks.multiple_of(self.owner, channels, reduction * groups, because)

    def create_parts(self, channels: int) -> None:
        """Create both halves."""
        width = channels // self.options.reduction
        sizes = {"groups": self.options.groups, "kernel_size": self.options.kernel_size}
        own = {"dtype": self.dtype_policy}
        first = conv("fc1", channels, width, **own)
        self.channel = Perceptron("channel", first, conv("fc2", width, channels, **own))
        self.spatial = _Convolutions(channels, width, **sizes, dtype=self.dtype_policy)

    def look(self, x: Tensor) -> dict[str, Tensor]:
        """Return ``channel_full`` and ``spatial_full``, ``(B, H, W, C)``."""
        channel = self.channel(x)
        if self.options.channel_gate == "sigmoid":
            channel = ops.sigmoid(channel)
        spatial = ops.sigmoid(self.spatial(x * channel))
        if self.options.groups > 1:
            spatial = channel_shuffle(spatial, self.options.groups)
        return {"channel_full": channel, "spatial_full": spatial}

    def last_layers(self) -> Sequence[keras.layers.Layer]:
        """Return the last layer of the channel half and of the spatial half."""
        if self.options.channel_gate is None:
            cure = "start='identity' or channel_gate='sigmoid'"
            raise no_open_gate(self.owner, "channel_gate=None", cure)
        return self.channel.fc2, self.spatial.bn2


@final
class _Convolutions(keras.layers.Layer):
    """Two convolutions, each with BatchNorm, with a ReLU between them."""

    def __init__(
        self,
        channels: int,
        width: int,
        *,
        kernel_size: int,
        groups: int,
        dtype: Any,
    ) -> None:
        super().__init__(name="spatial", dtype=dtype)
        own: dict[str, Any] = {"groups": groups, "dtype": dtype}
        self.conv1 = conv("conv1", channels, width, kernel_size, **own)
        self.bn1 = norm("bn1", width, dtype=dtype)
        self.conv2 = conv("conv2", width, channels, kernel_size, **own)
        self.bn2 = norm("bn2", channels, dtype=dtype)
        self.built = True

    def call(self, inputs: Tensor) -> Tensor:
        """Return the answers, of the shape of ``inputs``."""
        hidden = ops.relu(self.bn1(self.conv1(inputs)))
        return self.bn2(self.conv2(hidden))
