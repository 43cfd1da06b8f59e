"""What all layers share: options from the catalogue, the order of axes, the checks."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, ClassVar, cast

import keras
from keras import ops

from foveate import _checks, catalog
from foveate._networks import Place
from foveate._options import bottleneck_width, no_open_gate
from foveate.errors import ShapeError
from foveate.keras._formats import (
    DataFormat,
    Shape,
    Size,
    check_floating_point,
    format_of,
)
from foveate.keras._layers import freeze_parts
from foveate.keras._numbers import Tensor

__all__ = [
    "CatalogueLayer",
    "Gate",
    "Layer",
    "SigmoidGate",
]


class CatalogueLayer(keras.layers.Layer):
    """A block or a fusion of the catalogue.

    The names of its options and their defaults are those of its card. A subclass says
    in ``check`` what they may be, and in ``create_parts`` which layers they become. Its
    body works on channels that stand last; maps of ``channels_first`` are turned before
    and after, as TensorFlow has no convolution on a CPU for that order.

    Attributes:
        card: What the catalogue knows of it.
        options: The values of its options, each under its name.
        channels: Channels that its input must have; None: those of its first input.
        data_format: Where channels stand in its input and output.
        spatial_size: The only size of map that it takes, ``(H, W)``; None takes any.
    """

    card: ClassVar[catalog.Card]
    spatial_size: tuple[int, int] | None = None
    trainable: bool

    def __init__(
        self,
        channels: int | None = None,
        *,
        data_format: DataFormat | None = None,
        name: str | None = None,
        dtype: Any = None,
        trainable: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(name=name, dtype=dtype, trainable=trainable)
        chosen = catalog.options_of(self.card.name, options)
        self.owner = type(self).__name__
        self.options = SimpleNamespace(**{**self.card.defaults, **_plain(chosen)})
        self.format = format_of(self.owner, data_format)
        self.data_format = self.format.data_format
        _checks.positive_or_none(self.owner, channels=channels)
        self.channels = channels
        self._check_by_card()
        self.check()
        if channels is not None:
            self.check_channels(channels)

    def check(self) -> None:
        """Raise OptionError if the value of an option cannot work with any channels.

        Options that are true or false, and those of a bottleneck, are checked before.
        """

    def check_channels(self, channels: int) -> None:
        """Raise OptionError if the options do not fit so many channels."""

    @abstractmethod
    def shapes_for(self, channels: int) -> Any:
        """Return the shape of its input, or those of its inputs, for ``build``."""

    @abstractmethod
    def create_parts(self, channels: int) -> None:
        """Create the layers and variables, for an input of so many channels."""

    def width(self, channels: int) -> int:
        """Return the width of the bottleneck for so many channels."""
        return bottleneck_width(
            self.owner,
            channels,
            reduction=self.options.reduction,
            hidden_channels=self.options.hidden_channels,
            min_channels=self.options.min_channels,
        )

    def get_config(self) -> dict[str, Any]:
        """Return what rebuilds the layer, with all options as they were resolved."""
        options = {
            name: keras.saving.serialize_keras_object(value)
            if callable(value)
            else value
            for name, value in vars(self.options).items()
        }
        return {
            **super().get_config(),
            "channels": self.channels,
            "data_format": self.data_format,
            **options,
        }

    def _check_by_card(self) -> None:
        defaults = self.card.defaults
        flags = [name for name, value in defaults.items() if isinstance(value, bool)]
        _checks.boolean(self.owner, **{n: getattr(self.options, n) for n in flags})
        if "min_channels" in defaults:
            self.width(channels=1)

    def _check_map(self, who: str, shape: Shape, channels: int | None = None) -> None:
        """Raise ShapeError unless it is the shape of a map that the layer takes."""
        self.format.check(who, shape, channels)
        if self.spatial_size is not None:
            _check_size(who, self.format.size(shape), self.spatial_size)


class Layer(CatalogueLayer):
    """One feature map in, another of the same shape out.

    It keeps the data format; its numbers are those of the block for PyTorch of the same
    name. Sides of the map may be unknown: ``Input((None, None, C))``.

    Attributes:
        residual_place: Where its authors put it in a residual block.
        starts_as_identity: Whether its authors start it so that it returns its input.
    """

    residual_place: ClassVar[Place] = "branch_end"
    starts_as_identity: ClassVar[bool] = False

    @abstractmethod
    def transform(self, x: Tensor) -> Any:
        """Return the block's answer to a checked ``x``, channels last in both."""

    @abstractmethod
    def look(self, x: Tensor) -> dict[str, Tensor]:
        """Return what ``maps`` does, channels last in all."""

    def shapes_for(self, channels: int) -> Shape:
        """Return the shape of its input, of any sides."""
        return self.format.shape(None, None, None, channels)

    def build(self, input_shape: Shape) -> None:
        """Create the variables, for maps of this shape.

        Raises:
            ShapeError: It is no shape of a map, its channels are not known, or not
                those that were asked for.
            OptionError: An option does not fit so many channels.
        """
        # a saved layer is built again when it is loaded
        if self.built:
            return
        self._check_map(self.owner, input_shape, self.channels)
        channels = self.format.channels(self.owner, input_shape)
        self.check_channels(channels)
        self.built_channels = channels
        self.create_parts(channels)
        freeze_parts(self)

    def call(self, inputs: Tensor) -> Any:
        """Return the block's answer to a map.

        Raises:
            ShapeError: ``inputs`` is no map of the channels for which it was built.
        """
        self._check_input(inputs)
        y = self.transform(self.format.last(inputs))
        if isinstance(y, tuple):
            return tuple(map(self.format.ordered, y))
        return self.format.ordered(y)

    def maps(self, x: Any) -> dict[str, Tensor]:
        """Return by name what the block looks at in ``x``.

        Names and meanings are those of the block for PyTorch. With channels last, gates
        are ``channel``, ``(B, 1, 1, C)``; ``spatial``, ``(B, H, W, 1)``; ``row``,
        ``(B, H, 1, C)``; ``column``, ``(B, 1, W, C)``; and ``full``, ``channel_full``
        and ``spatial_full``, ``(B, H, W, C)``. ``branch`` is ``(B, K, 1, 1, C)`` and
        ``attention`` ``(B, heads, h, w)`` in both formats.

        Raises:
            ShapeError: ``x`` is no map of the channels for which it was built.
        """
        x = ops.convert_to_tensor(x, dtype=self.compute_dtype)
        if not self.built:
            self.build(tuple(x.shape))
        self._check_input(x)
        found = self.look(self.format.last(x))
        return {name: self.format.ordered(value) for name, value in found.items()}

    def compute_output_shape(self, input_shape: Shape) -> Any:
        """Return the shape of the output: that of the input.

        Raises:
            ShapeError: It is no shape of a map that the layer takes.
        """
        channels = self.built_channels if self.built else self.channels
        self._check_map(self.owner, input_shape, channels)
        return tuple(input_shape)

    def last_layers(self) -> Sequence[keras.layers.Layer]:
        """Return the layers whose zeros make gates of one half, one for each gate.

        Raises:
            OptionError: The output is more than the input times gates of sigmoids, or
                a gate could not learn from there.
        """
        raise no_open_gate(self.owner)

    def _check_input(self, x: Tensor) -> None:
        self._check_map(self.owner, tuple(x.shape), self.built_channels)
        check_floating_point(self.owner, x)


class Gate(Layer):
    """A block that multiplies its input by gates."""

    def transform(self, x: Tensor) -> Any:
        """Return ``x`` scaled by all of its gates."""
        for gate in self.look(x).values():
            x = x * gate
        return x


class SigmoidGate(Gate):
    """A gate that is the sigmoid of logits.

    Attributes:
        gate_name: What ``maps`` calls it.
    """

    gate_name: ClassVar[str] = "channel"

    @abstractmethod
    def logits(self, x: Tensor) -> Tensor:
        """Return the gate before its sigmoid."""

    def look(self, x: Tensor) -> dict[str, Tensor]:
        """Return the gate under its name."""
        return {self.gate_name: ops.sigmoid(self.logits(x))}


def _check_size(who: str, size: Size, only: tuple[int, int]) -> None:
    """Raise ShapeError unless the sides of a map that are known are the only ones."""
    if all(side in (None, fits) for side, fits in zip(size, only, strict=True)):
        return
    raise ShapeError(
        f"{who}: is bound to maps of {only[0]}x{only[1]} (spatial_size), got "
        f"{size[0]}x{size[1]}. Resize the map, or build the block with "
        f"spatial_size=({size[0]}, {size[1]})."
    )


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options as they were given, those of a saved layer read again."""
    return {
        name: keras.saving.deserialize_keras_object(value)
        if isinstance(value, dict)
        else cast("Any", value)
        for name, value in options.items()
    }
