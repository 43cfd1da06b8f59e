"""Selective kernel: share a map out among convolutions of several sizes."""

from __future__ import annotations

from typing import Any, final

import keras
from keras import initializers, ops

from foveate import _checks
from foveate.keras._base import Layer
from foveate.keras._formats import Shape
from foveate.keras._layers import Conv, conv, norm
from foveate.keras._numbers import (
    Tensor,
    at_least_float32,
    mean_over_places,
    weighted_sum,
)
from foveate.keras._registry import register
from foveate.keras._rows import ConvNormRelu

__all__ = ["SelectiveKernel"]

FEWEST_BRANCHES = 2


@register("sk")
@final
class SelectiveKernel(Layer):
    """Replace a map by its convolutions of several sizes, weighed for each channel.

    The weights of the branches come from the mean of their sum and add up to 1. With a
    ``stride`` of s the output is ``ceil(H / s)`` by ``ceil(W / s)``.
    """

    def check(self) -> None:
        """Raise OptionError if a number does not fit, or a kernel is even."""
        chosen = self.options
        _checks.positive(self.owner, groups=chosen.groups, stride=chosen.stride)
        _checks.whole_numbers(
            self.owner,
            fewest=FEWEST_BRANCHES,
            example=(3, 5),
            kernel_sizes=chosen.kernel_sizes,
        )
        for kernel_size in chosen.kernel_sizes:
            _checks.odd(self.owner, kernel_sizes=kernel_size)

    def check_channels(self, channels: int) -> None:
        """Raise OptionError unless the groups divide the channels."""
        _checks.multiple_of(self.owner, channels, self.options.groups, "groups")

    def create_parts(self, channels: int) -> None:
        """Create the branches, and what gives their weights."""
        chosen = self.options
        self.branches = [
            ConvNormRelu(f"branches_{number}", self._conv(channels, kernel_size))
            for number, kernel_size in enumerate(chosen.kernel_sizes)
        ]
        self.attn = _Attention(
            channels,
            self.width(channels),
            len(self.branches),
            normed=chosen.fc_norm,
            bias=chosen.fc_bias,
            dtype=self.dtype_policy,
        )

    def transform(self, x: Tensor) -> Tensor:
        """Return the weighted sum of the branches."""
        maps = [branch(x) for branch in self.branches]
        return weighted_sum(maps, self._weights(maps))

    def look(self, x: Tensor) -> dict[str, Tensor]:
        """Return the weights as ``branch``."""
        return {"branch": self._weights([branch(x) for branch in self.branches])}

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the output, a ``stride`` of s times smaller."""
        height, width = (
            None if side is None else -(-side // self.options.stride)
            for side in self.format.size(input_shape)
        )
        channels = input_shape[self.format.channel_axis]
        return self.format.shape(input_shape[0], height, width, channels)

    def _conv(self, channels: int, kernel_size: int) -> Conv:
        """Return the convolution of one branch."""
        chosen = self.options
        return conv(
            "conv",
            channels,
            channels,
            min(kernel_size, 3) if chosen.dilated else kernel_size,
            stride=chosen.stride,
            dilation=max(kernel_size // 2, 1) if chosen.dilated else 1,
            groups=chosen.groups,
            bias=chosen.conv_bias,
            # the first weights of the authors' network
            kernel_initializer=initializers.VarianceScaling(
                2.0, "fan_in", "untruncated_normal"
            ),
            bias_initializer="zeros",
            dtype=self.dtype_policy,
        )

    def _weights(self, maps: list[Tensor]) -> Tensor:
        """Return ``(B, K, 1, 1, C)`` for K maps."""
        means = [mean_over_places(x) for x in maps]
        logits = self.attn(sum(means[1:], start=means[0]))
        shape = (-1, len(maps), 1, 1, maps[0].shape[3])
        weights = ops.softmax(at_least_float32(ops.reshape(logits, shape)), axis=1)
        return ops.cast(weights, logits.dtype)


@final
class _Attention(keras.layers.Layer):
    """What turns means into logits, those of one branch after another."""

    def __init__(
        self,
        channels: int,
        width: int,
        branches: int,
        *,
        normed: bool,
        bias: bool,
        dtype: Any,
    ) -> None:
        super().__init__(name="attn", dtype=dtype)
        own = {
            "bias": bias,
            "kernel_initializer": initializers.RandomNormal(stddev=0.01),
            "bias_initializer": "zeros",
            "dtype": dtype,
        }
        self.fc1 = conv("fc1", channels, width, **own)
        self.bn = norm("bn", width, dtype=dtype) if normed else None
        self.fc2 = conv("fc2", width, branches * channels, **own)
        self.built = True

    def call(self, inputs: Tensor) -> Tensor:
        """Return the logits."""
        hidden = self.fc1(inputs)
        if self.bn is not None:
            hidden = ops.relu(self.bn(hidden))
        return self.fc2(hidden)
