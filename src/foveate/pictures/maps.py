"""What one look at some images has shown, and the files it becomes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from foveate.errors import OptionError, ShapeError
from foveate.pictures.files import FORMATS
from foveate.pictures.grid import Cell, Grid
from foveate.pictures.heat_map import HeatMap
from foveate.pictures.overlay import overlay
from foveate.pictures.saving import save_maps
from foveate.pictures.scales import Scaling, group_of, shared
from foveate.pictures.seen import (
    AttentionTable,
    Branches,
    ChannelGates,
    Looked,
    Unread,
)
from foveate.pictures.telling import plain_maps

__all__ = ["Maps"]

T = TypeVar("T")


@final
@dataclass(frozen=True, eq=False)
class Maps:
    """What a network looks at: its own heat maps and those of its blocks.

    It is a sequence of the images that were looked at, each with its heat maps.

    Attributes:
        looked: One an image, in the order in which they were given.
        gates: By what its blocks multiplied each channel, image by image.
        branches: How its blocks shared out their branches.
        tables: Where several places of an image look, in pairwise blocks.
        said: How it was done: the method, the layers and how they were found, how
            images were prepared, and what could not be shown.
        unread: The images that could not be looked at, and why.
    """

    looked: tuple[Looked, ...]
    gates: tuple[ChannelGates, ...] = ()
    branches: tuple[Branches, ...] = ()
    tables: tuple[AttentionTable, ...] = ()
    said: tuple[str, ...] = ()
    unread: tuple[Unread, ...] = ()

    def __len__(self) -> int:
        return len(self.looked)

    def __iter__(self) -> Iterator[Looked]:
        return iter(self.looked)

    def __getitem__(self, image: int) -> Looked:
        return self.looked[image]

    def __str__(self) -> str:
        lines = []
        others: dict[str, None] = {}
        for one in self.looked:
            own = [heat.title for heat in one.heat if heat.is_class_activation]
            lines.append(
                f"{one.picture.name}: {'; '.join(own) or 'no class activation'}"
            )
            rest = [heat for heat in one.heat if not heat.is_class_activation]
            others |= dict.fromkeys(heat.title for heat in rest)
        if others:
            lines.append(f"of blocks: {'; '.join(others)}")
        lines += [f"not looked at: {each.reason}" for each in self.unread]
        return "\n".join((*lines, *self.said))

    def cams(self, size: tuple[int, int] | None = None) -> NDArray[np.float32]:
        """Return class activation maps, the first of each image, as ``(N, H, W)``.

        Each is from 0, its lowest, to 1, its highest.

        Args:
            size: Height and width; those of the images if None.

        Raises:
            ShapeError: An image has no such map, or the images are of several sizes
                and no size is given.
        """
        heats = [_first_cam(one) for one in self.looked]
        sizes = {one.picture.size for one in self.looked} if size is None else {size}
        if len(sizes) != 1:
            raise ShapeError(
                f"cams: the images have {len(sizes)} sizes. Give the one to return "
                "all maps at, such as cams((224, 224))."
            )
        (common,) = sizes
        maps = [heat.normalised(common) for heat in heats]
        return np.stack(maps).astype(np.float32, copy=False)

    def overlay(
        self, image: int = 0, heat: int = 0, *, scale: Scaling = "shared"
    ) -> Image.Image:
        """Return one image under one of its heat maps.

        Args:
            image: Which image.
            heat: Which of its heat maps.
            scale: ``shared``: as in the grid of all images; ``each``: from the lowest
                value of this map to its highest.

        Raises:
            OptionError: There is no such image or map.
        """
        one = _item(self.looked, image, "image")
        wanted = _item(one.heat, heat, f"heat map of {one.picture.name}")
        scales = shared([heat for one in self.looked for heat in one.heat], scale)
        pixels = overlay(
            one.picture,
            wanted,
            scale=scales[group_of(wanted)],
            box=one.box_of(wanted),
        )
        return Image.fromarray(pixels)

    def grid(self, title: str = "", *, scale: Scaling = "shared") -> Grid:
        """Return images x heat maps, to be drawn as PNG or SVG.

        Args:
            title: Stands above.
            scale: See ``overlay``.

        Raises:
            OptionError: No image was looked at.
        """
        names = dict.fromkeys(name for one in self.looked for name in _columns(one))
        rows = []
        for one in self.looked:
            heats = _columns(one)
            cells = [
                Cell(one.picture, heat, caption=heat.target, box=one.box_of(heat))
                if (heat := heats.get(name)) is not None
                else Cell(None, missing="no such map")
                for name in names
            ]
            rows.append((Cell(one.picture), *cells))
        return Grid(
            title=title,
            columns=("image", *names),
            rows=tuple(one.picture.name for one in self.looked),
            cells=tuple(rows),
            notes=self.said,
            scale=scale,
        )

    def save(
        self,
        folder: str | Path,
        *,
        formats: Sequence[str] = FORMATS,
        scale: Scaling = "shared",
        title: str = "",
    ) -> tuple[Path, ...]:
        """Write what was seen into a folder, each file whole or not at all.

        - ``png``: ``grid.png``, images x maps, and an overlay for each class
          activation map.
        - ``svg``: ``grid.svg``; ``channels.svg``, with a chart of each block beside,
          and ``branches.svg`` where blocks have such maps; and a page
          ``attention-IMAGE.html`` for each image that has ``tables``.
        - ``npz``: ``maps.npz``, every array at its own resolution.
        - ``json``: ``maps.json``, which says what each array is, the statistics of
          the gates, how it was done, and which images could not be read; and
          ``channels.csv``, a row for each channel of each block.

        Args:
            folder: Where; it is made.
            formats: Which of these.
            scale: See ``overlay``.
            title: Of the grid.

        Returns:
            The files.

        Raises:
            OptionError: There is no such format.
        """
        return save_maps(self, Path(folder), formats, scale, title)

    def plain(self) -> dict[str, Any]:
        """Return what was seen as values that JSON can write, without the arrays."""
        return plain_maps(self)


def _first_cam(one: Looked) -> HeatMap:
    for heat in one.heat:
        if heat.is_class_activation:
            return heat
    raise ShapeError(
        f"cams: {one.picture.name} has no class activation map. Look with a method, "
        "such as cam='layercam'."
    )


def _columns(one: Looked) -> dict[str, HeatMap]:
    """Return the heat maps of an image by the column that each stands in."""
    own = [heat for heat in one.heat if heat.is_class_activation]
    columns: dict[str, HeatMap] = {}
    for number, heat in enumerate(own, 1):
        which = f" {number}" if len(own) > 1 else ""
        columns[f"{heat.source}{which}"] = heat
    for heat in one.heat:
        if not heat.is_class_activation:
            columns[f"{heat.where} {heat.source}"] = heat
    return columns


def _item(items: Sequence[T], place: int, what: str) -> T:
    try:
        return items[place]
    except IndexError:
        raise OptionError(
            f"there is no {what} with number {place}: there are {len(items)}, and the "
            "first is 0."
        ) from None
