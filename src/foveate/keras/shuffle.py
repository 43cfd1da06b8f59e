"""Shuffle attention: weigh half of each group by channel, half by place, shuffle."""

from __future__ import annotations

from typing import Any, final

import keras
from keras import ops

from foveate import _checks
from foveate.keras._base import Layer
from foveate.keras._layers import EPS
from foveate.keras._numbers import (
    Tensor,
    at_least_float32,
    channel_shuffle,
    mean_over_places,
)
from foveate.keras._registry import register

__all__ = ["ShuffleAttention"]


@register("shuffle")
@final
class ShuffleAttention(Layer):
    """Gate one half of each group by channel, the other by place, then mix the halves.

    Section 3. It permutes the channels, so layers that were trained without it see
    other input than they learned on.
    """

    def check(self) -> None:
        """Raise OptionError if ``groups`` is not greater than 0."""
        _checks.positive(self.owner, groups=self.options.groups)

    def check_channels(self, channels: int) -> None:
        """Raise OptionError if ``channels`` is not a multiple of ``2 * groups``."""
        groups = self.options.groups
        because = f"2 * groups, with groups={groups}"
        _checks.multiple_of(self.owner, channels, 2 * groups, because)

    def create_parts(self, channels: int) -> None:
        """Create the lines and the normalisation that all groups share."""
        half = channels // (2 * self.options.groups)
        self.channel_weight = self._line("channel_weight", half, "zeros")
        self.channel_bias = self._line("channel_bias", half, "ones")
        self.spatial_weight = self._line("spatial_weight", half, "zeros")
        self.spatial_bias = self._line("spatial_bias", half, "ones")
        # it holds scales and shifts; they are part of the lines through the places
        self.norm = keras.layers.GroupNormalization(
            groups=half, epsilon=EPS, dtype=self.dtype_policy, name="norm"
        )
        self.norm.build((None, None, None, half))

    def transform(self, x: Tensor) -> Tensor:
        """Return the gated channels, shuffled in two."""
        return channel_shuffle(x * self.look(x)["full"], 2)

    def look(self, x: Tensor) -> dict[str, Tensor]:
        """Return ``full``: the gate before the shuffle."""
        wide = at_least_float32(x)
        mean = mean_over_places(wide)
        centred = wide - mean
        variance = mean_over_places(ops.square(centred))
        of_mean, of_normal, shift = self._lines()
        # each channel has one of both slopes, and 0 as the other
        slope = of_normal * ops.rsqrt(variance + EPS)
        logits = slope * centred + (of_mean * mean + shift)
        return {"full": ops.cast(ops.sigmoid(logits), x.dtype)}

    def _line(self, name: str, half: int, initializer: str) -> Any:
        shape = (1, 1, 1, half)
        return self.add_weight(name=name, shape=shape, initializer=initializer)

    def _lines(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return what each channel's mean, and its normalised value, is times; shifts.

        Each is ``(1, 1, 1, C)``. In the half that is gated by place those of the
        normalisation are part of them.
        """
        lines = (
            (self.channel_weight, self.channel_bias),
            (self.spatial_weight, self.spatial_bias),
            (self.norm.gamma, self.norm.beta),
        )
        (scale, offset), (slope, shift), (gamma, beta) = (
            map(at_least_float32, line) for line in lines
        )
        nothing = ops.zeros_like(scale)
        halves = (
            (scale, nothing),
            (nothing, slope * gamma),
            (offset, slope * beta + shift),
        )
        times = (1, 1, 1, self.options.groups)
        of_mean, of_normal, shifts = (
            ops.tile(ops.concatenate(pair, axis=3), times) for pair in halves
        )
        return of_mean, of_normal, shifts
