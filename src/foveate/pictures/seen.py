"""What was seen in one look at some images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from foveate.pictures.heat_map import HeatMap

__all__ = ["AttentionTable", "Branches", "ChannelGates", "Looked", "Picture", "Unread"]


@dataclass(frozen=True, eq=False)
class Picture:
    """An image as people see it.

    Attributes:
        pixels: ``(H, W, 3)``, uint8, upright, on a white ground.
        name: What to call it: the name of its file, or ``image 3``.
        notes: What was done to show it, such as ``the first of 12 frames``.
        original: Height and width before it was reduced to be shown; None if it was
            not. Pixels and boxes of users are of this size.
    """

    pixels: NDArray[np.uint8]
    name: str
    notes: tuple[str, ...] = ()
    original: tuple[int, int] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.pixels.shape[0], self.pixels.shape[1]


class Unread(NamedTuple):
    """An image that could not be looked at, and why, in one line."""

    name: str
    reason: str


@dataclass(frozen=True, eq=False)
class Looked:
    """One image and its heat maps.

    Attributes:
        picture: The image.
        heat: Its class activation maps first, one a target, then the maps of blocks in
            the order in which the network runs them.
    """

    picture: Picture
    heat: tuple[HeatMap, ...]

    def box_of(self, heat: HeatMap) -> tuple[float, float, float, float] | None:
        """Return the box that a heat map speaks for, in pixels of the picture."""
        if heat.box is None:
            return None
        height, width = self.picture.size
        left, top, right, bottom = heat.box
        return left * width, top * height, right * width, bottom * height


@dataclass(frozen=True, eq=False)
class ChannelGates:
    """By what a block multiplied each channel of each image.

    Attributes:
        where: The path of the block.
        block: The name of its class.
        source: Which of its maps: ``channel``, or the mean over places of another.
        values: ``(N, C)``, float32.
    """

    where: str
    block: str
    source: str
    values: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Branches:
    """How a block or fusion shared out its branches, image by image.

    Attributes:
        where: The path of the block.
        block: The name of its class.
        values: ``(N, K)``, float32: the mean over channels and places; each image's
            add up to 1.
    """

    where: str
    block: str
    values: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class AttentionTable:
    """Where several places of one image look, in one pairwise block.

    Attributes:
        where: The path of the block.
        block: The name of its class.
        image: The image's place among those that were looked at.
        queries: ``(Q, 2)``: row and column of each place that looks, as shares of
            height and width.
        values: ``(Q, h, w)``, float32: where it looks; adds up to 1 over places.
    """

    where: str
    block: str
    image: int
    queries: NDArray[np.float32]
    values: NDArray[np.float32]
