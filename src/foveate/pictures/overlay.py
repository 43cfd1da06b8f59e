"""Heat over an image: the image in grey, so that hue means heat alone."""

from __future__ import annotations

import numpy as np

from foveate.errors import OptionError
from foveate.pictures._inks import Box, Pixels, finished, marked, mixed, scaled
from foveate.pictures.heat_map import HeatMap
from foveate.pictures.scale import OWN, Scale
from foveate.pictures.scales import shares_of
from foveate.pictures.seen import Picture

__all__ = ["OPACITY", "Box", "colour_bar", "drawn_size", "overlay", "shown"]

OPACITY = 0.65
"""How much of an image the colours hide."""

LEAST_SIDE = 256
"""The longer side of an overlay of a small image."""

LUMA = (0.2126, 0.7152, 0.0722)


def overlay(
    picture: Picture,
    heat: HeatMap,
    *,
    scale: Scale | None = None,
    opacity: float = OPACITY,
    box: Box | None = None,
    size: tuple[int, int] | None = None,
) -> Pixels:
    """Return the image in grey under the colours of a heat map.

    Args:
        picture: The image.
        heat: What is seen in it. The place that looks, if it has one, is ringed.
        scale: What the colours stand for; the map's own lowest to highest if None.
        opacity: How much of the image the colours hide, from 0 to 1.
        box: Drawn as a white line with dark edges; in pixels of the image.
        size: ``(height, width)`` to draw at. If None, that of the image; a small one
            is enlarged by the least whole number that makes a side 256 pixels long.

    Returns:
        ``(height, width, 3)``, uint8.

    Raises:
        OptionError: ``opacity`` is not from 0 to 1, or the scale is for other maps.
    """
    if not 0 <= opacity <= 1:
        raise OptionError(f"overlay: opacity must be from 0 to 1, got {opacity}.")
    size = size or drawn_size(picture)
    grey = scaled(picture.pixels, size) @ np.array(LUMA, dtype=np.float32)
    blend = mixed(grey, shares_of(heat, scale or OWN, size), opacity)
    return marked(blend, picture.size, box, heat.query)


def colour_bar(size: tuple[int, int], *, opacity: float = OPACITY) -> Pixels:
    """Return every colour that a value can have in an overlay.

    From left to right the value rises from one end of its scale to the other; from
    bottom to top the image under it goes from black to white.

    Args:
        size: ``(height, width)``.
        opacity: That of the overlay.
    """
    height, width = size
    shares = np.linspace(0, 1, width, dtype=np.float32)
    grey = np.linspace(255, 0, height, dtype=np.float32)
    bar = mixed(grey[:, None], np.tile(shares, (height, 1)), opacity)
    return finished(bar)


def shown(
    picture: Picture, *, box: Box | None = None, size: tuple[int, int] | None = None
) -> Pixels:
    """Return the image in its own colours, at the size that ``overlay`` gives it."""
    pixels = scaled(picture.pixels, size or drawn_size(picture))
    return marked(pixels, picture.size, box, None)


def drawn_size(picture: Picture) -> tuple[int, int]:
    """Return height and width at which an image is drawn: small ones are enlarged.

    Example:
        >>> drawn_size(Picture(np.zeros((40, 60, 3), np.uint8), "small"))
        (200, 300)
    """
    height, width = picture.size
    times = max(1, -(-LEAST_SIDE // max(height, width)))
    return height * times, width * times
