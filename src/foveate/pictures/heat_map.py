"""A heat map: one number for each place of an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from foveate.errors import ShapeError

__all__ = ["HeatMap", "Kind", "resized"]

Values = NDArray[np.float32]

Kind = Literal["activation", "share", "gate"]
"""What the numbers of a map mean.

``activation``: known up to a factor, so only places of one map compare. ``share``: add
up to 1 over the places. ``gate``: what the features at a place are multiplied by.
"""

MAP_DIMS = 2


@dataclass(frozen=True, eq=False)
class HeatMap:
    """What a network, or a block in it, looks at in one image.

    It covers the whole image, whatever the size of either: the place at half of its
    rows is the place at half of the rows of the image.

    Attributes:
        values: ``(h, w)``, float32, finite, at the map's own resolution; of activations
            and shares none is below 0.
        kind: What the numbers mean.
        source: What made it: ``layercam``, or a map of a block, such as ``spatial``.
        where: The layers or the block that it was seen at, by their paths.
        target: What it speaks for, for people, such as ``class 3 (0.92)``; empty if
            it is of a block.
        query: Of a pairwise block, the place that looks: its row and column as shares
            of height and width, at the middle of the place.
        box: Of a detector, the box that it speaks for: left, top, right and bottom as
            shares of width and height.

    Raises:
        ShapeError: ``values`` is not ``(h, w)``, or one of them is not finite, or is
            below 0 where none may be.
    """

    values: Values
    kind: Kind
    source: str
    where: str = ""
    target: str = ""
    query: tuple[float, float] | None = None
    box: tuple[float, float, float, float] | None = None

    def __post_init__(self) -> None:
        shape = self.values.shape
        if len(shape) != MAP_DIMS or 0 in shape:
            raise ShapeError(f"HeatMap: values must be (h, w), got {shape}.")
        whose = f"HeatMap: a value of '{self.source}' at {self.where or 'the input'}"
        if not np.isfinite(self.values).all():
            raise ShapeError(
                f"{whose} is not finite. Run the network in a wider precision, such as "
                "float32."
            )
        if self.kind != "gate" and (lowest := float(self.values.min())) < 0:
            raise ShapeError(
                f"{whose} is {lowest:g}, and of kind '{self.kind}' none may be below "
                "0. Take the kind 'gate', or absolute values."
            )

    @property
    def title(self) -> str:
        """What it is, for people: ``layercam at layer4 for class 3 (0.92)``."""
        where = f" at {self.where}" if self.where else ""
        return f"{self.source}{where}" + (f" for {self.target}" if self.target else "")

    @property
    def is_class_activation(self) -> bool:
        """Whether it is of the network's answer, which it names, and not of a block."""
        return self.kind == "activation" and bool(self.target)

    @property
    def is_empty(self) -> bool:
        """Whether it points nowhere: an activation or share of only zeros."""
        return self.kind != "gate" and not self.values.any()

    def at(self, size: tuple[int, int]) -> Values:
        """Return the values at ``(height, width)``, bilinear."""
        return resized(self.values, size)

    def density(self) -> Values:
        """Return how many times the evenly spread value each place has.

        1 is what every place would have if the map were flat. An empty map is 0.
        """
        # in single precision the mean of a faint map may be 0
        wide = self.values.astype(np.float64)
        mean = wide.mean()
        return (wide / mean).astype(np.float32) if mean else self.values

    def normalised(self, size: tuple[int, int] | None = None) -> Values:
        """Return the values from 0, the lowest of this map, to 1, its highest.

        Args:
            size: ``(height, width)`` to return it at; its own if None.
        """
        values = self.values if size is None else self.at(size)
        low, high = values.min(), values.max()
        return (values - low) / (high - low) if high > low else np.zeros_like(values)


def resized(values: Values, size: tuple[int, int]) -> Values:
    """Return values at ``(height, width)``: bilinear, smoothed where it gets smaller.

    Where it gets larger, it is the bilinear resizing of torch with
    ``align_corners=False``.
    """
    height, width = size
    if values.shape == size:
        return values
    picture = Image.fromarray(np.ascontiguousarray(values, dtype=np.float32))
    smooth = picture.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(smooth, dtype=np.float32)
