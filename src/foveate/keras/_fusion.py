"""What all fusions share: several maps in, one out, and how they are made to fit."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from keras import ops

from foveate._options import channels_of_inputs
from foveate.errors import ShapeError
from foveate.keras._alignment import Alignment, common_size, differ
from foveate.keras._base import CatalogueLayer
from foveate.keras._formats import Shape, Size, check_floating_point
from foveate.keras._layers import freeze_parts
from foveate.keras._numbers import Tensor

__all__ = ["Fusion"]

SOME_CHANNELS = 64
"""Channels to check options with that do not depend on them."""


class Fusion(CatalogueLayer):
    """Two or more feature maps in, one out.

    It is called with a list of maps. It keeps the data format; its numbers are those of
    the fusion for PyTorch of the same name. Sides of the maps may be unknown:
    ``Input((None, None, C))``.
    """

    @property
    def num_inputs(self) -> int:
        """How many maps it takes."""
        number: int = getattr(self.options, "num_inputs", 2)
        return number

    @abstractmethod
    def fuse(self, maps: list[Tensor]) -> Tensor:
        """Return the fusion of maps of one shape, channels last in all."""

    @abstractmethod
    def shares(self, maps: list[Tensor]) -> dict[str, Tensor]:
        """Return ``branch`` or ``parts`` of maps of one shape, channels last."""

    def check(self) -> None:
        """Raise OptionError if the number of maps, or how they align, cannot work."""
        if self.channels is None:
            widths = self.options.in_channels
            listed = isinstance(widths, list | tuple) and len(widths) > 0
            # those of the first input are what it will work in
            self.widths(widths[0] if listed else SOME_CHANNELS)

    def check_channels(self, channels: int) -> None:
        """Raise OptionError if the options do not fit so many channels."""
        self.widths(channels)

    def widths(self, channels: int) -> tuple[int, ...]:
        """Return the channels of each input."""
        return channels_of_inputs(
            self.owner,
            channels,
            num_inputs=self.num_inputs,
            align=self.options.align,
            in_channels=self.options.in_channels,
        )

    def shapes_for(self, channels: int) -> list[Shape]:
        """Return the shapes of its inputs, of any sides."""
        widths = self.widths(channels)
        return [self.format.shape(None, None, None, width) for width in widths]

    def build(self, input_shape: Sequence[Shape]) -> None:
        """Create the variables, for maps of these shapes.

        Raises:
            ShapeError: They are more or fewer than ``num_inputs``, one is no shape of a
                map, or its channels are not those that were asked for.
            OptionError: An option does not fit so many channels.
        """
        # a saved layer is built again when it is loaded
        if self.built:
            return
        shapes = self._listed(input_shape)
        channels = self._channels_of(shapes)
        self.check_channels(channels)
        self._check_shapes(shapes, channels)
        self.built_channels = channels
        self.align = Alignment(
            self.widths(channels),
            channels,
            policy=self.options.align,
            dtype=self.dtype_policy,
        )
        self.create_parts(channels)
        freeze_parts(self)

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        """Return the fusion of a list of maps.

        Raises:
            ShapeError: There are more or fewer than ``num_inputs``, or one does not
                fit; the message says which, and how it differs.
        """
        return self.format.ordered(self.fuse(self._aligned(inputs)))

    def maps(self, inputs: Sequence[Any]) -> dict[str, Tensor]:
        """Return by name how the fusion shares out its inputs.

        ``branch`` is the weight of each of the K inputs, ``(B, K, H, W, C)`` or with
        sides of 1, and adds up to 1 over K; ``parts`` is what each adds to the output,
        ``(B, K, H, W, C)``. With ``channels_first``, C stands before H.

        Raises:
            ShapeError: The maps do not fit, as in a call.
        """
        maps = [
            ops.convert_to_tensor(x, dtype=self.compute_dtype)
            for x in self._listed(inputs)
        ]
        if not self.built:
            self.build([tuple(x.shape) for x in maps])
        shares = self.shares(self._aligned(maps))
        return {name: self.format.ordered(value) for name, value in shares.items()}

    def prepare(self, maps: list[Tensor]) -> list[Tensor]:
        """Return ``maps`` as they are aligned: as they came, unless overridden."""
        return maps

    def sizes_prepared(self, sizes: list[Size]) -> list[Size]:
        """Return the sizes of maps after ``prepare``, from those before."""
        return sizes

    def check_sizes(self, shapes: list[Shape]) -> None:
        """Raise ShapeError unless maps fit without resizing, as far as is known."""
        first = self.format.size(shapes[0])
        for place, shape in enumerate(shapes, 1):
            if differ(self.format.size(shape), first):
                raise ShapeError(
                    f"{self.owner}: input {place} is {shape}, input 1 is {shapes[0]}. "
                    "Resize one, or build the fusion with align='first', 'largest' or "
                    "'smallest'."
                )

    def compute_output_shape(self, input_shape: Sequence[Shape]) -> Shape:
        """Return the shape of the output, None for what is not known.

        Raises:
            ShapeError: A map does not fit, as far as is known.
        """
        shapes = self._listed(input_shape)
        channels = self.built_channels if self.built else self._channels_of(shapes)
        self._check_shapes(shapes, channels)
        sizes = [self.format.size(shape) for shape in shapes]
        policy = self.options.align
        height, width = common_size(policy, self.sizes_prepared(sizes))
        return self.format.shape(shapes[0][0], height, width, channels)

    def _listed(self, inputs: Any) -> list[Any]:
        """Return maps, or their shapes, as a list."""
        listed = isinstance(inputs, list | tuple)
        # a shape by itself is that of a single map
        if not listed or any(isinstance(x, int | None) for x in inputs):
            got = f"a map of {tuple(getattr(inputs, 'shape', inputs))}"
            if isinstance(inputs, dict):
                got = "a dict"
            raise ShapeError(
                f"{self.owner}: takes a list of {self.num_inputs} maps, got {got}: "
                "write fusion([x, y])."
            )
        return [tuple(x) if isinstance(x, list) else x for x in inputs]

    def _channels_of(self, shapes: list[Shape]) -> int:
        """Return the channels that it works in, from the shapes of its inputs."""
        if self.channels is not None:
            return self.channels
        self._check_number(shapes)
        return self.format.channels(self.owner, shapes[0], "input 1")

    def _check_number(self, shapes: list[Shape]) -> None:
        if len(shapes) != self.num_inputs:
            raise ShapeError(
                f"{self.owner}: takes {self.num_inputs} maps, got {len(shapes)}."
            )

    def _check_shapes(self, shapes: list[Shape], channels: int) -> None:
        """Raise ShapeError unless maps of these shapes fit, as far as is known."""
        self._check_number(shapes)
        for place, width in enumerate(self.widths(channels)):
            self._check_one(place, shapes, width)
        if self.options.align == "error":
            self.check_sizes(shapes)

    def _check_one(self, place: int, shapes: list[Shape], width: int) -> None:
        name, shape = f"{self.owner}: input {place + 1}", shapes[place]
        self._check_map(name, shape)
        if shape[self.format.channel_axis] != width:
            hint = self.format.hint(shape, width) or (
                " To have it projected, build the fusion with in_channels and with "
                "align='first', 'largest' or 'smallest'."
            )
            raise ShapeError(f"{name} must have {width} channels, got {shape}.{hint}")
        if differ(shape[:1], shapes[0][:1]):
            raise ShapeError(
                f"{name} is {shape}, input 1 is {shapes[0]}. Batch must be the same."
            )

    def _aligned(self, inputs: Any) -> list[Tensor]:
        """Return the maps of one shape, channels last."""
        maps = self._listed(inputs)
        self._check_shapes([tuple(x.shape) for x in maps], self.built_channels)
        for place, x in enumerate(maps, 1):
            check_floating_point(f"{self.owner}: input {place}", x)
        aligned: list[Tensor] = self.align(
            self.prepare([self.format.last(x) for x in maps])
        )
        return aligned
