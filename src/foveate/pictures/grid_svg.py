"""A grid as one file of vector graphics: its text is text, its images are inside."""

from __future__ import annotations

import base64
import io
from xml.etree.ElementTree import Element, tostring

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from foveate._svg import add, short
from foveate.pictures._page import Bar, Empty, Item, Shown, Words
from foveate.pictures.grid import Grid
from foveate.pictures.grid_layout import lay_out
from foveate.pictures.lettering import plain

__all__ = ["data_uri", "draw_svg"]

STYLE = """
.foveate-grid { --paper: #fff; --ink: #1b1d1f; --muted: #5c6269; --rule: #c4c4bd;
  max-width: 100%; height: auto;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif; }
@media (prefers-color-scheme: dark) {
  .foveate-grid { --paper: #131517; --ink: #e8e9ea; --muted: #a3a9b0;
    --rule: #4a5056; }
}
.foveate-grid .paper { fill: var(--paper); }
.foveate-grid text { fill: var(--ink); font-variant-numeric: tabular-nums; }
.foveate-grid .title { font-weight: 600; }
.foveate-grid .note { fill: var(--muted); }
.foveate-grid .empty { fill: none; stroke: var(--rule); }
.foveate-grid .tick { stroke: var(--muted); }
"""

DENSITY = 2.0
QUALITY = 90

MOST_BYTES = 24_000
"""An image with more bytes as a PNG, a photograph, is written as a JPEG."""


def draw_svg(grid: Grid) -> str:
    """Return the picture of a grid, light or dark as the reader's system is.

    It asks for nothing from elsewhere, and can stand alone or within a page.

    Args:
        grid: What to show.
    """
    page = lay_out(grid)
    width, height = short(page.width), short(page.height)
    root = Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "class": "foveate-grid",
            "role": "group",
            "viewBox": f"0 0 {width} {height}",
            "width": width,
            "height": height,
        },
    )
    add(root, "title", plain(grid.title) or "Heat maps")
    add(root, "desc", _describe(grid))
    add(root, "style", STYLE)
    add(root, "rect", class_="paper", width="100%", height="100%")
    for item in page.items:
        _draw(root, item)
    return tostring(root, encoding="unicode")


def data_uri(pixels: NDArray[np.uint8]) -> str:
    """Return an image as an address that holds it: a PNG, or of photographs a JPEG."""
    image = Image.fromarray(pixels)
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=4)
    kind = "png"
    if file.tell() > MOST_BYTES:
        file, kind = io.BytesIO(), "jpeg"
        # full resolution of colour: here colour is what carries the values
        image.save(file, "JPEG", quality=QUALITY, subsampling=0)
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"


def _describe(grid: Grid) -> str:
    """Return what the grid shows, for those who do not see it."""
    counted = (
        f"Heat maps of {len(grid.rows)} images in {len(grid.columns)} columns: "
        f"{', '.join(plain(name) for name in grid.columns)}."
    )
    bars = (
        f"Dark is {scale.label(scale.low)}, light is {scale.label(scale.high)}: "
        f"{scale.words}."
        for scale in dict.fromkeys(grid.scales().values())
    )
    return " ".join((counted, *bars, *(plain(note) for note in grid.notes)))


def _draw(root: Element, item: Item) -> None:
    if isinstance(item, Words):
        add(
            root,
            "text",
            item.text,
            class_=item.role,
            x=item.x,
            y=item.y,
            font_size=item.size,
            text_anchor=item.anchor,
        )
    elif isinstance(item, Empty):
        add(root, "rect", class_="empty", **_frame(item))
    else:
        alt = item.alt if isinstance(item, Shown) else f"Colour bar: {item.scale.words}"
        picture = add(
            root,
            "image",
            role="img",
            aria_label=alt,
            href=data_uri(item.pixels(DENSITY)),
            preserveAspectRatio="none",
            **_frame(item),
        )
        add(picture, "title", alt)
        if isinstance(item, Bar):
            _tick(root, item)


def _tick(root: Element, bar: Bar) -> None:
    bottom = bar.top + bar.height
    for share in bar.ticks:
        x = bar.left + share * bar.width
        add(root, "line", class_="tick", x1=x, x2=x, y1=bottom, y2=bottom + 3)
    if bar.scale.clipped:
        corners = " ".join(f"{short(x)},{short(y)}" for x, y in bar.arrow)
        red, green, blue = bar.end
        add(root, "polygon", points=corners, fill=f"rgb({red}, {green}, {blue})")


def _frame(item: Shown | Empty | Bar) -> dict[str, float]:
    return {
        "x": item.left,
        "y": item.top,
        "width": item.width,
        "height": item.height,
    }
