"""How colours, boxes and rings lie on the pixels of an image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from foveate.pictures.colours import colour
from foveate.pictures.heat_map import Values

__all__ = ["Box", "Light", "Pixels", "finished", "marked", "mixed", "scaled"]

Pixels = NDArray[np.uint8]

Light = NDArray[np.float32]

Box = tuple[float, float, float, float]
"""Left, top, right and bottom in pixels of the image; the last two are outside."""

MIDDLE = 140.0
CALM = 0.5
SQUARES_FROM = 3


def mixed(grey: Light, shares: Values, opacity: float) -> Light:
    """Return grey under colours; the more they hide, the less contrast it keeps.

    So a dark image does not swallow the colours, nor a light one pale them.
    """
    calm = MIDDLE + (grey - MIDDLE) * (1 - CALM * opacity)
    heat = colour(shares).astype(np.float32)
    blend: Light = (1 - opacity) * calm[..., None] + opacity * heat
    return blend


def scaled(pixels: Pixels, size: tuple[int, int]) -> Light:
    """Return pixels at another size; of a much larger one each pixel is a square."""
    height, width = size
    if pixels.shape[:2] == size:
        return pixels.astype(np.float32)
    squares = height >= SQUARES_FROM * pixels.shape[0]
    how = Image.Resampling.NEAREST if squares else Image.Resampling.LANCZOS
    image = Image.fromarray(pixels).resize((width, height), how, reducing_gap=3.0)
    return np.asarray(image, dtype=np.float32)


def marked(
    pixels: Light,
    size: tuple[int, int],
    box: Box | None,
    query: tuple[float, float] | None,
) -> Pixels:
    """Return pixels with a box, in pixels of an image of ``size``, and a ring."""
    height, width = pixels.shape[:2]
    unit = max(1.0, max(height, width) / 300)
    y = np.arange(height, dtype=np.float32)[:, None] + 0.5
    x = np.arange(width, dtype=np.float32)[None, :] + 0.5
    if box is not None:
        up, along = height / size[0], width / size[1]
        left, right = (_kept(side * along, width, unit) for side in box[::2])
        top, bottom = (_kept(side * up, height, unit) for side in box[1::2])
        across = np.abs(x - (left + right) / 2) - (right - left) / 2
        down = np.abs(y - (top + bottom) / 2) - (bottom - top) / 2
        pixels = _stroked(pixels, np.abs(np.maximum(across, down)), unit)
    if query is not None:
        far = np.hypot(y - query[0] * height, x - query[1] * width)
        pixels = _stroked(pixels, np.abs(far - 5 * unit), unit)
    return finished(pixels)


def finished(pixels: Light) -> Pixels:
    whole: Pixels = np.rint(pixels).clip(0, 255).astype(np.uint8)
    return whole


def _kept(place: float, end: int, unit: float) -> float:
    """Return a place of a line, moved in so far that the line is seen."""
    return min(max(place, unit), end - unit)


def _stroked(pixels: Light, distance: Light, unit: float) -> Light:
    """Return pixels with a white line with dark edges where ``distance`` is 0."""
    for reach, ink, strength in ((2.0 * unit, 0.0, 0.9), (1.0 * unit, 255.0, 1.0)):
        cover = strength * np.clip(reach - distance + 0.5, 0, 1)[..., None]
        pixels = (1 - cover) * pixels + cover * ink
    return pixels
