"""A grid of heat maps in which the eye can compare: images by variants or by maps."""

from __future__ import annotations

from dataclasses import dataclass

from foveate.errors import OptionError
from foveate.pictures.heat_map import HeatMap
from foveate.pictures.overlay import OPACITY, Box
from foveate.pictures.scales import Scales, Scaling, group_of, shared
from foveate.pictures.seen import Picture

__all__ = ["Cell", "Grid"]


@dataclass(frozen=True, eq=False)
class Cell:
    """One place of a grid: an image, alone or under a heat map.

    Attributes:
        picture: The image; None for an empty cell.
        heat: What is seen in it; None shows the image in its own colours.
        caption: What stands under it, such as a score.
        box: Where the object is: left, top, right, bottom in pixels of the image.
        missing: Why there is no map; the cell is then empty, and says so.
    """

    picture: Picture | None
    heat: HeatMap | None = None
    caption: str = ""
    box: Box | None = None
    missing: str = ""

    @property
    def is_missing(self) -> bool:
        """Whether there is nothing to show."""
        return self.picture is None or bool(self.missing)

    @property
    def words(self) -> str:
        """What stands under it; a map that points nowhere is named as such."""
        nowhere = (
            "points nowhere" if self.heat is not None and self.heat.is_empty else ""
        )
        return ", ".join(part for part in (self.caption, nowhere) if part)


@dataclass(frozen=True, eq=False)
class Grid:
    """Images by variants, or by maps.

    Attributes:
        title: What it shows; empty for none.
        columns: The name of each column: a variant, or the path and name of a map.
        rows: The name of each row: an image.
        cells: Row by row, one cell for each column.
        notes: What stands at its foot: method, layer, target, how they were chosen.
        scale: ``shared``: one for all maps that compare; ``each``: every map has its
            own; or the scales themselves, if several grids are to share them.
        opacity: How much of the images the colours hide.

    Raises:
        OptionError: There is no cell, or a row has not one cell for each column.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    cells: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    scale: Scaling | Scales = "shared"
    opacity: float = OPACITY

    def __post_init__(self) -> None:
        if not self.columns or not self.rows:
            raise OptionError("Grid: it needs a column and a row at least.")
        got = [len(row) for row in self.cells]
        if got != [len(self.columns)] * len(self.rows):
            raise OptionError(
                f"Grid: cells must have {len(self.rows)} rows of "
                f"{len(self.columns)} cells, got rows of {got}."
            )

    @property
    def heats(self) -> tuple[HeatMap, ...]:
        """Every map that is shown."""
        shown = (cell for row in self.cells for cell in row if not cell.is_missing)
        return tuple(cell.heat for cell in shown if cell.heat is not None)

    @property
    def leads(self) -> bool:
        """Whether the first column, of several, is the images themselves."""
        first = [row[0] for row in self.cells]
        plain = all(cell.heat is None and not cell.missing for cell in first)
        return plain and len(self.columns) > 1

    def scales(self) -> Scales:
        """Return the scale of each group of maps that is shown.

        Raises:
            OptionError: Scales were given, but none for a map that is shown.
        """
        if not isinstance(self.scale, Scales):
            return shared(self.heats, self.scale)
        needed = {group_of(heat): self.scale.of(heat) for heat in self.heats}
        return Scales(needed)
