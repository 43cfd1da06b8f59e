"""The two versions of a residual block: what is computed, and by which layers."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import keras
from keras import ops

from foveate import _checks
from foveate._networks import Place, StrideAt, check_stride, out_channels
from foveate.keras._formats import DataFormat, Shape, format_of
from foveate.keras._layers import conv, freeze_parts, norm
from foveate.keras._numbers import Tensor

__all__ = ["Residual", "fan_out_normal"]


class Residual(keras.layers.Layer):
    """A branch of convolutions added to a shortcut, with one place for attention.

    The layers are named as in torchvision: ``conv1``, ``bn1`` and so on, and
    ``downsample``, a list, where the shape changes, else None.
    """

    built: bool

    def __init__(
        self,
        filters: int,
        *,
        stride: int,
        bottleneck: bool,
        pre_activation: bool,
        stride_at: StrideAt,
        seed: int | None,
        data_format: DataFormat | None,
        **own: Any,
    ) -> None:
        super().__init__(**own)
        self.owner = type(self).__name__
        self.format = format_of(self.owner, data_format)
        self.data_format = self.format.data_format
        _checks.positive(self.owner, filters=filters, stride=stride)
        _checks.boolean(
            self.owner, bottleneck=bottleneck, pre_activation=pre_activation
        )
        check_stride(self.owner, stride_at, bottleneck=bottleneck)
        self.filters = filters
        self.stride = stride
        self.bottleneck = bottleneck
        self.pre_activation = pre_activation
        self.stride_at = stride_at
        self.seed = seed

    @abstractmethod
    def attended(self, out: Tensor, place: str) -> Tensor:
        """Return ``out``, channels last, after the attention if that stands here."""

    @abstractmethod
    def create_attention(self) -> None:
        """Create the variables of the attention."""

    def build(self, input_shape: Shape) -> None:
        """Create the variables, for maps of this shape.

        Raises:
            ShapeError: It is no shape of a map, or its channels are not known.
            OptionError: The attention does not fit so many channels.
        """
        # a saved layer is built again when it is loaded
        if self.built:
            return
        channels = came = self.format.channels(self.owner, input_shape)
        for number, (kernel_size, width, stride) in enumerate(self._plan(), 1):
            layer = self._conv(number, came, width, kernel_size, stride)
            setattr(self, layer.name, layer)
            normed = came if self.pre_activation else width
            layer = norm(f"bn{number}", normed, dtype=self.dtype_policy)
            setattr(self, layer.name, layer)
            came = width
        self.downsample = self._projection(channels)
        # last, so that no block changes the first weights of the rest
        self.create_attention()
        freeze_parts(self)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the branch plus the shortcut of a map."""
        x = self.format.last(inputs)
        y = self._second_version(x) if self.pre_activation else self._first_version(x)
        return self.format.ordered(y)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the output, None for what is not known."""
        shape = [
            size if size is None else (size - 1) // self.stride + 1
            for size in input_shape
        ]
        shape[0] = input_shape[0]
        shape[self.format.channel_axis] = self.out_channels
        return tuple(shape)

    @property
    def out_channels(self) -> int:
        """Channels of the output."""
        return out_channels(self.filters, bottleneck=self.bottleneck)

    def channels_at(self, place: Place) -> int:
        """Return how many channels attention sees at ``place``."""
        return self.filters if place == "after_conv2" else self.out_channels

    def _first_version(self, x: Tensor) -> Tensor:
        shortcut = x
        for layer in self.downsample or ():
            shortcut = layer(shortcut)
        out = x
        for number, conv_layer, norm_layer in self._units():
            out = out if number == 1 else ops.relu(out)
            out = self.attended(conv_layer(out), f"after_conv{number}")
            out = norm_layer(out)
        return ops.relu(self.attended(out, "branch_end") + shortcut)

    def _second_version(self, x: Tensor) -> Tensor:
        active = ops.relu(self.bn1(x))
        shortcut = self.downsample[0](active) if self.downsample else x
        out = active
        for number, conv_layer, norm_layer in self._units():
            out = out if number == 1 else ops.relu(norm_layer(out))
            out = self.attended(conv_layer(out), f"after_conv{number}")
        return self.attended(out, "branch_end") + shortcut

    def _units(self) -> list[tuple[int, keras.layers.Layer, keras.layers.Layer]]:
        """Return each convolution and BatchNorm of the branch, with their number."""
        numbers = range(1, len(self._plan()) + 1)
        return [
            (n, getattr(self, f"conv{n}"), getattr(self, f"bn{n}")) for n in numbers
        ]

    def _plan(self) -> list[tuple[int, int, int]]:
        """Return the kernel size, width and stride of each convolution."""
        if not self.bottleneck:
            return [(3, self.filters, self.stride), (3, self.filters, 1)]
        first, second = (
            (1, self.stride) if self.stride_at == "3x3" else (self.stride, 1)
        )
        return [
            (1, self.filters, first),
            (3, self.filters, second),
            (1, self.out_channels, 1),
        ]

    def _projection(self, channels: int) -> list[keras.layers.Layer] | None:
        """Return the layers of a shortcut that changes the shape, else None."""
        if self.stride == 1 and channels == self.out_channels:
            return None
        layers = [self._conv(0, channels, self.out_channels, 1, self.stride)]
        if not self.pre_activation:
            own = {"dtype": self.dtype_policy}
            layers.append(norm("downsample_norm", self.out_channels, **own))
        return layers

    def _conv(
        self, number: int, channels: int, width: int, kernel_size: int, stride: int
    ) -> keras.layers.Layer:
        # with one number for all, those of one shape would begin as the same
        seed = None if self.seed is None else self.seed + number
        return conv(
            f"conv{number}" if number else "downsample_conv",
            channels,
            width,
            kernel_size,
            stride=stride,
            bias=False,
            kernel_initializer=fan_out_normal(seed),
            dtype=self.dtype_policy,
        )


def fan_out_normal(seed: int | None) -> keras.Initializer:
    """Return what draws the first weights of He et al.: normal, by fan-out."""
    # not HeNormal, which cuts the normal off and counts what comes in
    return keras.initializers.VarianceScaling(
        2.0, "fan_out", "untruncated_normal", seed=seed
    )
