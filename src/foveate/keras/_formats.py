"""The order of the axes of a map: channels last or first, and what depends on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, final, get_args

import keras
from keras import ops

from foveate import _checks
from foveate.errors import ShapeError
from foveate.keras._numbers import Tensor

__all__ = [
    "FORMATS",
    "MAP_DIMS",
    "DataFormat",
    "MapFormat",
    "Shape",
    "Size",
    "check_floating_point",
    "format_by_colours",
    "format_of",
    "format_said_by",
    "unknown_channels",
]

DataFormat = Literal["channels_last", "channels_first"]
"""Where the channels of a map stand: ``(B, H, W, C)`` or ``(B, C, H, W)``."""

Shape = tuple[int | None, ...]
"""Sizes of the axes of a tensor, None for one that is not known."""

Size = tuple[int | None, int | None]
"""Height and width of a map, None for one that is not known."""

FORMATS: tuple[DataFormat, ...] = get_args(DataFormat)
MAP_DIMS = 4
BRANCH_DIMS = 5

MOST_COLOURS = 4
"""Channels that an image has at most: colours, and how opaque they are."""

TURNED: dict[tuple[int, ...], DataFormat] = {
    (2, 3, 1): "channels_last",
    (3, 1, 2): "channels_first",
}
"""By the dims of ``keras.layers.Permute``, where channels stand after it."""


@final
@dataclass(frozen=True)
class MapFormat:
    """Where channels and sides stand in the maps that a layer takes and returns.

    Bodies of layers work on channels that stand last; this turns maps before and after.
    """

    data_format: DataFormat

    @property
    def channel_axis(self) -> int:
        """The axis of a map that holds its channels."""
        return 3 if self.data_format == "channels_last" else 1

    def last(self, x: Tensor) -> Tensor:
        """Return the map ``x`` with channels last."""
        if self.data_format == "channels_last":
            return x
        return ops.transpose(x, (0, 2, 3, 1))

    def ordered(self, y: Tensor) -> Tensor:
        """Return a map, or weights of branches, with channels where they belong."""
        if self.data_format == "channels_last":
            return y
        if len(y.shape) == BRANCH_DIMS:
            return ops.transpose(y, (0, 1, 4, 2, 3))
        return ops.transpose(y, (0, 3, 1, 2))

    def shape(
        self,
        batch: int | None,
        height: int | None,
        width: int | None,
        channels: int | None,
    ) -> Shape:
        """Return the shape of a map of these sizes."""
        if self.data_format == "channels_last":
            return batch, height, width, channels
        return batch, channels, height, width

    def size(self, shape: Sequence[int | None]) -> Size:
        """Return height and width in the shape of a map."""
        height, width = (1, 2) if self.data_format == "channels_last" else (2, 3)
        return shape[height], shape[width]

    def check(
        self, who: str, shape: Sequence[int | None], channels: int | None = None
    ) -> None:
        """Raise ShapeError unless it is the shape of a map of ``channels``."""
        is_map = len(shape) == MAP_DIMS
        if is_map and channels in (None, shape[self.channel_axis]):
            return
        wanted = "C" if channels is None else channels
        raise ShapeError(
            f"{who}: expects (B, {self.named(wanted)}), got {tuple(shape)}."
            f"{self.hint(shape, channels)}"
        )

    def named(self, channels: int | str) -> str:
        """Return in words what follows the batch in the shape of a map."""
        last = self.data_format == "channels_last"
        return f"H, W, {channels}" if last else f"{channels}, H, W"

    def channels(
        self, who: str, shape: Sequence[int | None], which: str = "its input"
    ) -> int:
        """Return the channels in the shape of a map, of ``which`` to a message.

        Raises:
            ShapeError: They are not known, or it is no shape of a map.
        """
        self.check(who, shape)
        channels = shape[self.channel_axis]
        if channels is None:
            raise unknown_channels(who, shape, which)
        return channels

    def hint(self, shape: Sequence[int | None], channels: int | None) -> str:
        """Return how a shape that does not fit may have come about, or nothing."""
        if len(shape) == MAP_DIMS - 1:
            return " A single image needs a batch of one: x[None]."
        other = 4 - self.channel_axis
        if len(shape) == MAP_DIMS and channels is not None and shape[other] == channels:
            (wanted,) = set(FORMATS) - {self.data_format}
            return f" For maps in that order, build it with data_format={wanted!r}."
        return ""


def unknown_channels(
    who: str, shape: Sequence[int | None], which: str = "its input"
) -> ShapeError:
    """Return the error of an input whose channels are not known when it is built."""
    return ShapeError(
        f"{who}: the channels of {which} must be known, got {tuple(shape)}. Give "
        "them to keras.Input; height and width may be None."
    )


def format_of(owner: str, data_format: DataFormat | None) -> MapFormat:
    """Return the format of that name; None: the one that Keras is set to.

    Raises:
        OptionError: There is no format of that name.
    """
    name: DataFormat = data_format or keras.config.image_data_format()
    _checks.one_of(owner, FORMATS, data_format=name)
    return MapFormat(name)


def format_said_by(layer: Any) -> DataFormat | None:
    """Return where channels stand in the maps of a layer, None if it does not say.

    Example:
        >>> format_said_by(keras.layers.BatchNormalization(axis=1))
        'channels_first'
    """
    order = getattr(layer, "data_format", None)
    if order in FORMATS:
        return cast("DataFormat", order)
    if isinstance(layer, keras.layers.BatchNormalization) and layer.axis in (1, 3):
        return "channels_first" if layer.axis == 1 else "channels_last"
    if isinstance(layer, keras.layers.Permute):
        return TURNED.get(tuple(layer.dims))
    return None


def format_by_colours(shape: Sequence[int | None]) -> DataFormat | None:
    """Return where channels stand in images of a shape, None if it does not show.

    It does where only one axis has as few values as an image has colours.

    Example:
        >>> format_by_colours((None, 3, 224, 224))
        'channels_first'
    """
    if len(shape) != MAP_DIMS:
        return None
    first, last = (shape[axis] in range(1, MOST_COLOURS + 1) for axis in (1, 3))
    if first == last:
        return None
    return "channels_first" if first else "channels_last"


def check_floating_point(who: str, x: Tensor) -> None:
    """Raise ShapeError unless ``x`` is of floating point."""
    if not keras.backend.is_float_dtype(keras.backend.standardize_dtype(x.dtype)):
        raise ShapeError(
            f"{who}: expects floating point, got {x.dtype}. "
            "Convert it first: keras.ops.cast(x, 'float32')."
        )
