"""What can stand on the page of a grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from foveate.errors import OptionError
from foveate.pictures.grid import Cell
from foveate.pictures.overlay import colour_bar, overlay, shown
from foveate.pictures.scale import Scale

__all__ = ["Bar", "Empty", "Item", "Layout", "Shown", "Words"]

Pixels = NDArray[np.uint8]


class Words(NamedTuple):
    """A line of text; ``y`` is its baseline, ``room`` how wide it may be."""

    x: float
    y: float
    text: str
    size: float
    role: Literal["title", "name", "note"]
    anchor: Literal["start", "middle", "end"]
    room: float


class Shown(NamedTuple):
    """An image, under heat if there is a scale for it."""

    left: float
    top: float
    width: float
    height: float
    cell: Cell
    scale: Scale | None
    opacity: float
    alt: str

    def pixels(self, density: float) -> Pixels:
        """Return the picture of it, with so many pixels for one of the page."""
        size = _counted(self.height, density), _counted(self.width, density)
        picture, heat, box = self.cell.picture, self.cell.heat, self.cell.box
        if picture is None:
            raise OptionError("Shown: a cell without a picture cannot be drawn.")
        if heat is None:
            return shown(picture, box=box, size=size)
        return overlay(
            picture, heat, scale=self.scale, opacity=self.opacity, box=box, size=size
        )


class Empty(NamedTuple):
    """A frame for what is missing."""

    left: float
    top: float
    width: float
    height: float


class Bar(NamedTuple):
    """A colour bar; its ticks are at shares of its width."""

    left: float
    top: float
    width: float
    height: float
    scale: Scale
    ticks: tuple[float, ...]
    opacity: float

    def pixels(self, density: float) -> Pixels:
        """Return the picture of it, with so many pixels for one of the page."""
        size = _counted(self.height, density), _counted(self.width, density)
        return colour_bar(size, opacity=self.opacity)

    @property
    def arrow(self) -> tuple[tuple[float, float], ...]:
        """The corners of the arrow that says that values lie above the bar."""
        right, bottom = self.left + self.width, self.top + self.height
        return (right, self.top), (right + 8, (self.top + bottom) / 2), (right, bottom)

    @property
    def end(self) -> tuple[int, int, int]:
        """The colour of that arrow: the one at the light end of the bar."""
        red, green, blue = self.pixels(1.0)[round(self.height / 2), -1]
        return int(red), int(green), int(blue)


Item = Words | Shown | Empty | Bar


@dataclass(frozen=True, eq=False)
class Layout:
    """A page: its size and what stands on it, in the order of reading."""

    width: float
    height: float
    items: tuple[Item, ...]


def _counted(side: float, density: float) -> int:
    return max(round(side * density), 1)
