"""What files of what was seen are called, and how pictures get into one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from foveate import _checks
from foveate.errors import OptionError
from foveate.pictures.grid import Grid
from foveate.pictures.grid_png import draw_png
from foveate.pictures.grid_svg import draw_svg
from foveate.records import whole_file, write_atomically

__all__ = ["FORMATS", "check_formats", "safe_name", "save_grid", "write_image"]

FORMATS = ("png", "svg", "npz", "json")


def check_formats(formats: Sequence[str]) -> None:
    """Raise OptionError unless maps can be saved as each of ``formats``."""
    if isinstance(formats, str):
        raise OptionError(
            f"save: formats must be a list such as ['{formats}'], got {formats!r}."
        )
    for form in formats:
        _checks.one_of("save", FORMATS, formats=form)


def safe_name(text: str, longest: int = 60) -> str:
    """Return ``text`` as a part of the name of a file, cut to so many characters.

    Example:
        >>> safe_name('a: "dog"?')
        'a-dog'
    """
    return re.sub(r"[^\w.=+-]+", "-", text).strip("-.")[:longest] or "unnamed"


def save_grid(grid: Grid, path: str | Path) -> Path:
    """Write a grid as PNG or SVG, by the ending of ``path``, and return the path.

    Raises:
        OptionError: The path has another ending.
    """
    path = Path(path)
    if path.suffix.lower() == ".svg":
        return write_atomically(path, draw_svg(grid))
    if path.suffix.lower() == ".png":
        return write_image(draw_png(grid), path)
    raise OptionError(f"save_grid: path must end in .png or .svg, got {path.name!r}.")


def write_image(image: Image.Image, path: Path) -> Path:
    """Write an image as PNG, whole or not at all, and return the path."""
    with whole_file(path) as file:
        image.save(file, format="PNG")
    return path
