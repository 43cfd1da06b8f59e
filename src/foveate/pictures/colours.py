"""The colours of heat: one ramp from dark violet over red to pale yellow.

It is a curve through OKLab, a space in which equal distances look equally far apart,
walked at an even pace. Lightness rises evenly on the way, so that it reads the same in
grey and to the colour-blind, and the hue turns one way only, so that it still tells the
value where an image shines through.
"""

from __future__ import annotations

from functools import lru_cache
from math import comb

import numpy as np
from numpy.typing import NDArray

__all__ = ["colour", "ramp"]

Colours = NDArray[np.uint8]
Numbers = NDArray[np.float64]

# Control points of a Bezier curve: lightness, then the axes green-red and blue-yellow.
# The lightnesses are evenly spaced; the rest is as colourful as sRGB allows.
_POINTS = (
    (0.190, 0.031, -0.090),
    (0.344, 0.090, -0.178),
    (0.498, 0.323, -0.093),
    (0.652, 0.202, 0.213),
    (0.806, 0.060, 0.067),
    (0.960, -0.028, 0.112),
)

# From OKLab to the cube roots of cone responses, and from those responses to linear
# sRGB: Ottosson (2020), https://bottosson.github.io/posts/oklab/
_TO_ROOTS = (
    (1.0, 0.3963377774, 0.2158037573),
    (1.0, -0.1055613458, -0.0638541728),
    (1.0, -0.0894841775, -1.2914855480),
)
_TO_LINEAR = (
    (4.0767416621, -3.3077115913, 0.2309699292),
    (-1.2684380046, 2.6097574011, -0.3413193965),
    (-0.0041960863, -0.7034186147, 1.7076147010),
)

# the transfer function of IEC 61966-2-1 starts as a straight line
_STRAIGHT_BELOW = 0.0031308

_LEVELS = 1024
_FINE = 4096


def colour(shares: NDArray[np.floating]) -> Colours:
    """Return the colours of shares of the ramp.

    Args:
        shares: From 0, its dark end, to 1, its light one; any shape ``(...)``. What
            lies beyond an end has the colour of that end.

    Returns:
        ``(..., 3)``, uint8, sRGB.

    Example:
        >>> colour(np.array([0.0, 1.0])).tolist()
        [[22, 4, 58], [254, 246, 152]]
    """
    places = np.rint(np.clip(shares, 0, 1) * (_LEVELS - 1)).astype(np.intp)
    pixels: Colours = ramp(_LEVELS)[places]
    return pixels


@lru_cache(maxsize=8)
def ramp(steps: int = 256) -> Colours:
    """Return the ramp in even steps, ``(steps, 3)``, uint8, sRGB; read-only."""
    way = _curve(np.linspace(0, 1, _FINE))
    lengths = np.linalg.norm(np.diff(way, axis=0), axis=1)
    walked = np.concatenate(([0.0], np.cumsum(lengths)))
    even = np.linspace(0, walked[-1], steps)
    times = np.interp(even, walked, np.linspace(0, 1, _FINE))
    colours = _write(_curve(times))
    colours.flags.writeable = False
    return colours


def _curve(times: Numbers) -> Numbers:
    """Return the Bezier curve at times from 0 to 1, ``(T, 3)``."""
    degree = len(_POINTS) - 1
    pulls = [
        comb(degree, n) * times**n * (1 - times) ** (degree - n)
        for n in range(degree + 1)
    ]
    points: Numbers = np.stack(pulls, axis=1) @ np.array(_POINTS)
    return points


def _write(lab: Numbers) -> Colours:
    """Return colours of OKLab as sRGB bytes."""
    linear = (lab @ np.array(_TO_ROOTS).T) ** 3 @ np.array(_TO_LINEAR).T
    linear = linear.clip(0, 1)
    bright: Numbers = 1.055 * linear ** (1 / 2.4) - 0.055
    encoded: Numbers = np.where(linear <= _STRAIGHT_BELOW, 12.92 * linear, bright)
    pixels: Colours = np.rint(255 * encoded).astype(np.uint8)
    return pixels
