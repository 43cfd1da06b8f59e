"""Test images under the maps of each network, as a page shows them."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import NamedTuple

from foveate.records import Gallery, GalleryCell, GalleryRow, Looks
from foveate.report.look_table import METHODS
from foveate.report.numerals import percent, plural, signed

__all__ = ["Panel", "PanelCell", "PanelRow", "embed_gallery", "tell_rule"]

_WHY = {
    "first": "among the first",
    "gain": "blocks gain most",
    "lose": "blocks lose most",
}


class PanelCell(NamedTuple):
    """One picture: its address, what it shows in words, and what is said under it.

    Attributes:
        source: A data address.
        alt: What it shows.
        share: The energy inside the box.
        answer: What the network names, and how sure it is.
        wrong: Whether that is not the class of the image.
    """

    source: str
    alt: str
    share: str
    answer: str
    wrong: bool


class PanelRow(NamedTuple):
    """One image, and its pictures.

    Attributes:
        source: The image, as a data address.
        alt: What it shows.
        name: Which image it is.
        truth: Its class.
        why: Why it is shown.
        box: A style that places the box of its object.
        cells: One a network; None where one was not seen.
    """

    source: str
    alt: str
    name: str
    truth: str
    why: str
    box: str
    cells: tuple[PanelCell | None, ...]


class Panel(NamedTuple):
    """A gallery with its pictures in it.

    Attributes:
        labels: The networks.
        rows: The images.
        bar: The colour bar, as a data address.
        ticks: Where on the bar which value stands, in percent from its left end.
        caption: How it was made.
    """

    labels: tuple[str, ...]
    rows: tuple[PanelRow, ...]
    bar: str
    ticks: tuple[tuple[str, str], ...]
    caption: str


def embed_gallery(looks: Looks | None, folder: str | Path | None) -> Panel | None:
    """Return a gallery with its pictures, or None where there is none.

    Args:
        looks: What was seen.
        folder: Where the pictures lie. If it is not known, or they were removed, there
            is no gallery.
    """
    if looks is None or looks.gallery is None or folder is None:
        return None
    gallery, home = looks.gallery, Path(folder)
    try:
        rows = tuple(_embed_row(home, row) for row in gallery.rows)
        bar = _address(home / gallery.bar)
    except OSError:
        return None
    return Panel(
        labels=gallery.labels,
        rows=rows,
        bar=bar,
        ticks=tuple(_ticks(gallery)),
        caption=f"{_tell_pictures(looks, gallery)} {tell_rule(gallery)}",
    )


def tell_rule(gallery: Gallery) -> str:
    """Return by what rule images were chosen."""
    first = sum(row.why == "first" for row in gallery.rows)
    most = sum(row.why == "gain" for row in gallery.rows)
    least = sum(row.why == "lose" for row in gallery.rows)
    told = f"Images: the first {plural(first, 'test image')}"
    if most:
        told += f"; of the rest, the {most} in which blocks gain most over plain"
    if least:
        told += f"{' and' if most else '; of the rest,'} the {least} in which they lose"
        told += " most" if most else " most to plain"
    if most or least:
        told += ", by energy in the box, the mean over blocks and seeds"
    return f"{told}."


def _tell_pictures(looks: Looks, gallery: Gallery) -> str:
    method = METHODS.get(looks.method, looks.method)
    clipped = "; higher values have the colour of its end" if gallery.clipped else ""
    return (
        f"{method} at {looks.layer} of the true class, over the image in grey, of "
        f"the networks of seed {gallery.seed}. One scale for all: how many times the "
        f"value of an evenly spread map a place has{clipped}. White: the digit's box. "
        "Under a picture: the share of the map inside the box, then the class that the "
        "network names and how likely it finds it; a wrong one is struck through."
    )


def _ticks(gallery: Gallery) -> list[tuple[str, str]]:
    return [
        (f"{100 * tick / gallery.top:.4g}", f"{tick:g}")
        for tick in gallery.ticks
        if tick <= gallery.top
    ]


def _embed_row(folder: Path, row: GalleryRow) -> PanelRow:
    left, top, right, bottom = (100 * side for side in row.box)
    why = _WHY[row.why]
    if row.why != "first" and row.gain is not None:
        why = f"{why}: {signed(row.gain)} points"
    return PanelRow(
        source=_address(folder / row.picture),
        alt=f"Test image {row.image}: the digit {row.truth}.",
        name=f"image {row.image}",
        truth=row.truth,
        why=why,
        box=(
            f"left:{left:.4g}%;top:{top:.4g}%;"
            f"width:{right - left:.4g}%;height:{bottom - top:.4g}%"
        ),
        cells=tuple(
            None if cell is None else _embed_cell(folder, row, cell)
            for cell in row.cells
        ),
    )


def _embed_cell(folder: Path, row: GalleryRow, cell: GalleryCell) -> PanelCell:
    share = "no map" if cell.empty else f"{percent(cell.energy)} %"
    answer = f"{cell.predicted} ({percent(cell.probability)} %)"
    seen = "an empty map" if cell.empty else f"{share} of its map inside the box"
    return PanelCell(
        source=_address(folder / cell.picture),
        alt=f"{cell.label} on image {row.image}: {seen}; it names {answer}.",
        share=share,
        answer=answer,
        wrong=cell.predicted != row.truth,
    )


def _address(path: Path) -> str:
    """Return a picture as an address that holds all of it."""
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"
