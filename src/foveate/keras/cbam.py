"""CBAM and its halves: weigh channels, then places, by means and maxima."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, final

import keras
from keras import ops

from foveate import _checks
from foveate._options import known_pools, no_open_gate
from foveate.keras._base import Gate, SigmoidGate
from foveate.keras._layers import conv, norm
from foveate.keras._numbers import (
    ACTIVATIONS,
    POOLED,
    Tensor,
    mean_max_over_channels,
    named,
)
from foveate.keras._registry import register

__all__ = ["CBAM", "ChannelAttention", "SpatialAttention"]


@register("channel")
@final
class ChannelAttention(SigmoidGate):
    """Scale each channel by one perceptron's answers to its pools: equation 2."""

    def check(self) -> None:
        """Raise OptionError if a name is not known."""
        self.pools = known_pools(self.owner, self.options.pool_types)
        self.act = named(self.owner, ACTIVATIONS, act_layer=self.options.act_layer)

    def create_parts(self, channels: int) -> None:
        """Create both projections; their biases start at 0."""
        width = self.width(channels)
        own: dict[str, Any] = {
            "bias": self.options.bias,
            "bias_initializer": "zeros",
            "dtype": self.dtype_policy,
        }
        self.fc1 = conv("fc1", channels, width, **own)
        self.fc2 = conv("fc2", width, channels, **own)

    def logits(self, x: Tensor) -> Tensor:
        """Return ``(B, 1, 1, C)``."""
        answers = [self._perceptron(POOLED[how](x)) for how in self.pools]
        return sum(answers[1:], start=answers[0])

    def last_layers(self) -> Sequence[keras.layers.Layer]:
        """Return the projection that gives the logits."""
        # at a cut at 0 logits of 0 would never learn: a ReLU passes no gradient there
        if self.options.rectify_logits:
            cure = "start='identity' or rectify_logits=False"
            raise no_open_gate(self.owner, "rectify_logits=True", cure)
        return (self.fc2,)

    def _perceptron(self, pooled: Tensor) -> Tensor:
        answer = self.fc2(self.act(self.fc1(pooled)))
        return ops.relu(answer) if self.options.rectify_logits else answer


@register("spatial")
@final
class SpatialAttention(SigmoidGate):
    """Scale each place by a convolution over its mean and maximum: equation 3."""

    gate_name: ClassVar[str] = "spatial"

    def check(self) -> None:
        """Raise OptionError if ``kernel_size`` is even."""
        _checks.odd(self.owner, kernel_size=self.options.kernel_size)

    def create_parts(self, channels: int) -> None:  # noqa: ARG002
        """Create the convolution, and the BatchNorm that starts at one half."""
        own = {"dtype": self.dtype_policy}
        size = self.options.kernel_size
        self.conv = conv("conv", 2, 1, size, bias=self.options.bias, **own)
        self.bn = (
            norm("bn", 1, momentum=0.01, gamma_initializer="zeros", **own)
            if self.options.norm
            else None
        )

    def logits(self, x: Tensor) -> Tensor:
        """Return ``(B, H, W, 1)``."""
        logits = self.conv(mean_max_over_channels(x))
        return logits if self.bn is None else self.bn(logits)

    def last_layers(self) -> Sequence[keras.layers.Layer]:
        """Return the BatchNorm, or the convolution if there is none."""
        return (self.conv if self.bn is None else self.bn,)


@register("cbam")
@final
class CBAM(Gate):
    """Scale channels, then the places of the result: equation 1."""

    def check(self) -> None:
        """Raise OptionError if ``kernel_size`` is even or a name is not known."""
        chosen = self.options
        own: dict[str, Any] = {
            "data_format": "channels_last",
            "dtype": self.dtype_policy,
        }
        self.channel = ChannelAttention(
            name="channel",
            reduction=chosen.reduction,
            hidden_channels=chosen.hidden_channels,
            min_channels=chosen.min_channels,
            bias=chosen.bias,
            pool_types=chosen.pool_types,
            act_layer=chosen.act_layer,
            rectify_logits=chosen.rectify_logits,
            **own,
        )
        spatial = SpatialAttention(
            name="spatial",
            kernel_size=chosen.kernel_size,
            norm=chosen.spatial_norm,
            bias=chosen.spatial_bias,
            **own,
        )
        self.spatial = None if chosen.no_spatial else spatial

    def create_parts(self, channels: int) -> None:
        """Create both halves."""
        for half in (self.channel, self.spatial):
            if half is not None:
                half.build((None, None, None, channels))

    def transform(self, x: Tensor) -> Tensor:
        """Return ``x`` scaled by channels, then by places."""
        scaled = super().transform(x)
        return x + scaled if self.options.residual else scaled

    def look(self, x: Tensor) -> dict[str, Tensor]:
        """Return ``channel`` and ``spatial``."""
        channel = self.channel.look(x)
        if self.spatial is None:
            return channel
        return {**channel, **self.spatial.look(x * channel["channel"])}

    def last_layers(self) -> Sequence[keras.layers.Layer]:
        """Return the last layers of both halves."""
        if self.options.residual:
            cure = "start='identity' or residual=False"
            raise no_open_gate(self.owner, "residual=True", cure)
        halves = (self.channel, self.spatial)
        return [n for half in halves if half is not None for n in half.last_layers()]
