"""A grid as a bitmap, for papers and slides."""

from __future__ import annotations

from PIL import Image, ImageDraw

from foveate import _checks
from foveate.pictures._page import Bar, Empty, Words
from foveate.pictures.grid import Grid
from foveate.pictures.grid_layout import lay_out
from foveate.pictures.lettering import cut, find_font, spelled

__all__ = ["draw_png"]

PAPER = (255, 255, 255)
INK = {"title": (27, 29, 31), "name": (27, 29, 31), "note": (92, 98, 105)}
RULE = (196, 196, 189)
ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}


def draw_png(grid: Grid, *, density: float = 2.0, longest: int = 12_000) -> Image.Image:
    """Return the picture of a grid, on white.

    Args:
        grid: What to show.
        density: Pixels of the picture for each pixel of the page.
        longest: No side of the picture is longer: cells shrink, which is said at the
            foot, and if that does not help everything does.

    Raises:
        OptionError: ``density`` or ``longest`` is not greater than 0.
    """
    _checks.number("draw_png", above=0, density=density)
    _checks.positive("draw_png", longest=longest)
    page = lay_out(grid, longest / density)
    density = min(density, longest / max(page.width, page.height))
    size = max(int(page.width * density), 1), max(int(page.height * density), 1)
    image = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(image)
    for item in page.items:
        if isinstance(item, Words):
            _write(draw, item, density)
        elif isinstance(item, Empty):
            _frame(draw, item, density)
        else:
            corner = round(item.left * density), round(item.top * density)
            image.paste(Image.fromarray(item.pixels(density)), corner)
            if isinstance(item, Bar):
                _tick(draw, item, density)
    return image


def _write(draw: ImageDraw.ImageDraw, words: Words, density: float) -> None:
    name, text = spelled(words.text)
    if text != words.text:
        text = cut(text, words.room, words.size)
    draw.text(
        (words.x * density, words.y * density),
        text,
        fill=INK[words.role],
        font=find_font(name, words.size * density),
        anchor=ANCHORS[words.anchor],
    )


def _frame(draw: ImageDraw.ImageDraw, empty: Empty, density: float) -> None:
    right, bottom = empty.left + empty.width, empty.top + empty.height
    corners = (empty.left, empty.top, right, bottom)
    box = [round(place * density) for place in corners]
    draw.rectangle(box, outline=RULE, width=max(round(density), 1))


def _tick(draw: ImageDraw.ImageDraw, bar: Bar, density: float) -> None:
    """Draw the ticks of a bar, and an arrow if values lie above it."""
    bottom = round(bar.top * density) + max(round(bar.height * density), 1)
    for share in bar.ticks:
        x = (bar.left + share * bar.width) * density
        draw.line(
            (x, bottom, x, bottom + 3 * density),
            fill=INK["note"],
            width=max(round(density / 2), 1),
        )
    if bar.scale.clipped:
        corners = [(x * density, y * density) for x, y in bar.arrow]
        draw.polygon(corners, fill=bar.end)
