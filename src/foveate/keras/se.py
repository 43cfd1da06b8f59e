"""Squeeze-and-excitation: weigh each channel by a gate computed from its mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import keras

from foveate._options import no_open_gate
from foveate.keras._base import Gate
from foveate.keras._layers import conv
from foveate.keras._numbers import ACTIVATIONS, GATES, Tensor, mean_over_places, named
from foveate.keras._registry import register

__all__ = ["SqueezeExcite"]


@register("se")
@final
class SqueezeExcite(Gate):
    """Scale each channel by how much the whole image needs it: equations 2-4."""

    def check(self) -> None:
        """Raise OptionError if a layer has no such name."""
        self.act = named(self.owner, ACTIVATIONS, act_layer=self.options.act_layer)
        self.gate_act = named(self.owner, GATES, gate_layer=self.options.gate_layer)

    def create_parts(self, channels: int) -> None:
        """Create both projections."""
        width = self.width(channels)
        own = {"bias": self.options.bias, "dtype": self.dtype_policy}
        self.fc1 = conv("fc1", channels, width, **own)
        self.fc2 = conv("fc2", width, channels, **own)

    def look(self, x: Tensor) -> dict[str, Tensor]:
        """Return the gate as ``channel``."""
        hidden = self.act(self.fc1(mean_over_places(x)))
        return {"channel": self.gate_act(self.fc2(hidden))}

    def last_layers(self) -> Sequence[keras.layers.Layer]:
        """Return what gives the logits."""
        # any other function may make something else than one half of 0
        if self.options.gate_layer not in GATES:
            option = f"gate_layer={self.options.gate_layer!r}"
            cure = "start='identity' or gate_layer='sigmoid'"
            raise no_open_gate(self.owner, option, cure)
        return (self.fc2,)
