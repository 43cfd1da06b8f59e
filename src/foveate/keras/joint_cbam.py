"""Joint CBAM: one perceptron over the channel and the spatial logits of CBAM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final, get_args

import keras
from keras import ops

from foveate import _checks
from foveate._options import Output, no_open_gate
from foveate.keras._base import Gate
from foveate.keras._formats import Shape
from foveate.keras._layers import conv, linear
from foveate.keras._numbers import (
    Tensor,
    mean_max_over_channels,
    mean_max_over_places,
    per_image,
)
from foveate.keras._registry import register
from foveate.keras._rows import Perceptron

__all__ = ["JointCBAM"]


@register("joint_cbam")
@final
class JointCBAM(Gate):
    """Scale channels and places by gates that come from one perceptron over both.

    It is bound to one size of map, since the perceptron reads one value a place. With
    ``output="pair"`` it returns a tuple of two maps, the input scaled by the channel
    gate and the input scaled by the spatial gate.
    """

    def check(self) -> None:
        """Raise OptionError if ``kernel_size``, ``output`` or the size cannot work."""
        chosen = self.options
        _checks.odd(self.owner, kernel_size=chosen.kernel_size)
        _checks.one_of(self.owner, get_args(Output), output=chosen.output)
        size = _checks.size(self.owner, spatial_size=chosen.spatial_size)
        self.spatial_size = self.size = size

    def create_parts(self, channels: int) -> None:
        """Create what gives the logits, and the perceptron over both."""
        width = self.width(channels)
        values = channels + self.size[0] * self.size[1]
        own: dict[str, Any] = {"bias": False, "dtype": self.dtype_policy}
        self.channel = Perceptron(
            "channel",
            conv("fc1", channels, width, **own),
            conv("fc2", width, channels, **own),
        )
        self.spatial = _Spatial(self.options.kernel_size, self.dtype_policy)
        self.mlp = Perceptron(
            "mlp",
            linear("fc1", values, width, **own),
            linear("fc2", width, values, **own),
        )

    def transform(self, x: Tensor) -> Any:
        """Return ``x`` scaled as ``output`` says: a map, or two of them in a tuple."""
        if self.options.output == "pair":
            return tuple(x * gate for gate in self.look(x).values())
        return super().transform(x)

    def look(self, x: Tensor) -> dict[str, Tensor]:
        """Return the gates that ``output`` uses: ``channel``, ``spatial`` or both."""
        means, maxima = mean_max_over_places(x)
        by_channel = self.channel(means) + self.channel(maxima)
        by_place = self.spatial.conv(mean_max_over_channels(x))
        channels, (height, width) = x.shape[3], self.size
        rows = [
            ops.reshape(by_channel, (-1, channels)),
            ops.reshape(by_place, (-1, height * width)),
        ]
        gates = ops.sigmoid(self.mlp(ops.concatenate(rows, axis=1)))
        found = {
            "channel": per_image(gates[:, :channels]),
            "spatial": ops.reshape(gates[:, channels:], (-1, height, width, 1)),
        }
        output = self.options.output
        return {output: found[output]} if output in found else found

    def compute_output_shape(self, input_shape: Shape) -> Any:
        """Return the shape of the output: that of the input, twice for a pair."""
        shape = super().compute_output_shape(input_shape)
        return (shape, shape) if self.options.output == "pair" else shape

    def last_layers(self) -> Sequence[keras.layers.Layer]:
        """Return what gives the logits of one gate or of both."""
        if self.options.output == "pair":
            raise no_open_gate(self.owner, "output='pair'", "output='product'")
        return (self.mlp.fc2,) * (2 if self.options.output == "product" else 1)


@final
class _Spatial(keras.layers.Layer):
    """The convolution from mean and maximum over channels, as ``spatial.conv``."""

    def __init__(self, kernel_size: int, dtype: Any) -> None:
        super().__init__(name="spatial", dtype=dtype)
        self.conv = conv("conv", 2, 1, kernel_size, dtype=dtype)
        self.built = True
