"""The axes of a chart of costs: sizes of images along, percent up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple
from xml.etree.ElementTree import Element

from foveate import _svg
from foveate.report.costs import name_size
from foveate.report.numerals import MINUS
from foveate.report.scales import Scale

__all__ = ["RIGHT", "Frame", "draw_axes", "place_sizes"]

RIGHT = 0.76
"""Where the largest size stands, as a share of the width; names are beside it."""

_LEFT = 0.13
_CLOSE = 0.09
_ZERO = 1e-9


class Frame(NamedTuple):
    """Where a panel stands and how its values go up."""

    top: float
    tall: float
    up: Scale

    def down(self, value: float) -> float:
        """Return how far down a value stands."""
        return self.top + self.tall * (1 - self.up.place(value))


def place_sizes(sizes: Sequence[tuple[int, int]]) -> tuple[list[float], bool]:
    """Return where sizes stand, and whether by their scale.

    By the logarithm of their area; in even steps where that would leave no room for
    what stands below them.
    """
    if len(sizes) == 1:
        return [(_LEFT + RIGHT) / 2], True
    logs = [math.log(math.prod(size)) for size in sizes]
    span = logs[-1] - logs[0]
    even = [place / (len(sizes) - 1) for place in range(len(sizes))]
    shares = [(log - logs[0]) / span for log in logs] if span else even
    spots = [_LEFT + share * (RIGHT - _LEFT) for share in shares]
    scaled = span > 0 and min(b - a for a, b in pairwise(spots)) >= _CLOSE
    if not scaled:
        spots = [_LEFT + share * (RIGHT - _LEFT) for share in even]
    return spots, scaled


def draw_axes(chart: Element, frame: Frame, sizes: Sequence[tuple[int, int]]) -> None:
    """Draw the grid of a panel, the line of the plain host, and both scales."""
    bottom = frame.top + frame.tall
    ends = {"x1": "2%", "x2": _svg.across(RIGHT + 0.02)}
    for tick in frame.up.ticks():
        y = frame.down(tick)
        is_zero = abs(tick) < _ZERO
        _svg.add(
            chart, "line", class_="zero" if is_zero else "grid", **ends, y1=y, y2=y
        )
        text = (
            "plain host" if is_zero else f"{_sign(tick)}{frame.up.label(abs(tick))} %"
        )
        _svg.add(chart, "text", text, class_="tick", x="2%", y=y - 4)
    _svg.add(chart, "line", class_="axis", **ends, y1=bottom, y2=bottom)
    spots, _ = place_sizes(sizes)
    for spot, (height, width) in zip(spots, sizes, strict=True):
        x = _svg.across(spot)
        _svg.add(chart, "line", class_="axis", x1=x, x2=x, y1=bottom, y2=bottom + 5)
        text = f"{height}" if height == width else name_size((height, width))
        y = bottom + 19
        _svg.add(chart, "text", text, class_="tick", x=x, y=y, text_anchor="middle")
    x, y = _svg.across((_LEFT + RIGHT) / 2), bottom + 37
    text = "size of the image in pixels"
    _svg.add(chart, "text", text, class_="aside", x=x, y=y, text_anchor="middle")


def _sign(tick: float) -> str:
    return "+" if tick > 0 else MINUS
