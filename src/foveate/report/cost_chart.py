"""A chart of the latency that blocks add, against the size of the image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple
from xml.etree.ElementTree import Element

from foveate import _svg
from foveate.records import Overhead, Overheads
from foveate.report import svg
from foveate.report.cost_axes import RIGHT, Frame, draw_axes, place_sizes
from foveate.report.costs import name_blocks, name_size, tell_setting
from foveate.report.scales import fit_scale
from foveate.report.spreading import spread

__all__ = ["Drawing", "draw_costs"]

COLOURS = 8
"""How many colours the style sheet has for lines."""

MARKS = (
    "M0-5a5 5 0 1 0 .01 0z",
    "M-4.5-4.5h9v9h-9z",
    "M0-6l6 6-6 6-6-6z",
    "M0-6l5.5 10h-11z",
    "M0 6l5.5-10h-11z",
)
"""Shapes of the marks, so that lines differ not by their colours alone."""

_HEAD = 66
_PANEL = 30
_FOOT = 60
_TALL = 260
_NAME = 17
_DODGE = 0.014
_SPREAD = 0.06
_LONGEST = 18


class Drawing(NamedTuple):
    """A chart that is yet to be put into a file or a page.

    Attributes:
        root: Its outermost element.
        clipped: Whether quartiles run beyond its axis.
    """

    root: Element
    clipped: bool


class Point(NamedTuple):
    """One measurement: where it stands, its median and its quartiles, in percent."""

    x: float
    middle: float
    low: float
    high: float


class Line(NamedTuple):
    """The measurements of one block at one batch, by size of image."""

    name: str
    number: int
    points: tuple[Point, ...]


def draw_costs(overheads: Overheads) -> Drawing | None:
    """Draw a line a block and a panel a batch; None if no latency was measured.

    Marks are medians of the paired differences, upright lines go from their first
    quartile to their third. Names stand at the ends of their lines.
    """
    rows = [row for row in overheads.rows if row.latency_share is not None]
    if not rows:
        return None
    sizes = sorted({row.size for row in rows}, key=lambda size: (math.prod(size), size))
    batches = sorted({row.batch for row in rows})
    panels = [_find_lines(rows, batch, sizes) for batch in batches]
    points = [point for lines in panels for line in lines for point in line.points]
    up = fit_scale(
        [0.0, *(point.middle for point in points)],
        [end for point in points for end in (point.low, point.high)],
        overhang=1.0,
    )
    tall = max(_TALL, _NAME * max(len(lines) for lines in panels))
    step = _PANEL + tall + _FOOT
    chart = svg.open_chart(_HEAD + step * len(panels), _tell(rows, overheads.host))
    _svg.add(chart, "rect", class_="paper", width="100%", height="100%")
    _draw_heading(chart, overheads, scaled=place_sizes(sizes)[1])
    for number, (batch, lines) in enumerate(zip(batches, panels, strict=True)):
        frame = Frame(_HEAD + step * number + _PANEL, tall, up)
        draw_axes(chart, frame, sizes)
        aside = f"batch of {batch}"
        _svg.add(chart, "text", aside, class_="name", x="2%", y=frame.top - 14)
        for line in lines:
            _draw_line(chart, line, frame)
        _draw_names(chart, lines, frame)
    clipped = any(not (up.holds(p.low) and up.holds(p.high)) for p in points)
    return Drawing(chart, clipped)


def _find_lines(
    rows: Sequence[Overhead], batch: int, sizes: Sequence[tuple[int, int]]
) -> list[Line]:
    """Return a line a block; each a little aside, so that all bars can be seen."""
    names = name_blocks(rows)
    spots, _ = place_sizes(sizes)
    gap = min((b - a for a, b in pairwise(spots)), default=_SPREAD)
    dodge = min(_DODGE, min(gap / 2, _SPREAD) / len(names))
    lines = []
    for number, (block, name) in enumerate(names.items()):
        aside = dodge * (number - (len(names) - 1) / 2)
        mine = {
            row.size: row for row in rows if (row.block, row.batch) == (block, batch)
        }
        points = tuple(
            _point(spot + aside, mine[size])
            for spot, size in zip(spots, sizes, strict=True)
            if size in mine
        )
        if points:
            lines.append(Line(name, number, points))
    return lines


def _point(x: float, row: Overhead) -> Point:
    middle = row.latency_share or 0.0
    low, high = row.latency_share_range or (middle, middle)
    return Point(x, 100 * middle, 100 * low, 100 * high)


def _tell(rows: Sequence[Overhead], host: str) -> str:
    """Return in words what the chart shows, for those who do not see it."""
    names = name_blocks(rows)
    told = ", ".join(
        f"{names[row.block]} {100 * (row.latency_share or 0.0):+.1f} % at "
        f"{name_size(row.size)}, batch {row.batch}"
        for row in rows
    )
    return f"Latency added to {host}: {told}."


def _draw_heading(chart: Element, overheads: Overheads, *, scaled: bool) -> None:
    title = f"Latency that a block adds to {overheads.host}"
    _svg.add(chart, "text", title, class_="title", x="2%", y=26)
    steps = "" if scaled else "; sizes in even steps, not to scale"
    text = f"{tell_setting(overheads)}{steps}"
    _svg.add(chart, "text", text, class_="aside", x="2%", y=46)


def _draw_line(chart: Element, line: Line, frame: Frame) -> None:
    group = _svg.add(chart, "g", class_=f"mark line-{line.number % COLOURS}")
    _svg.add(group, "title", line.name)
    for a, b in pairwise(line.points):
        ends: dict[str, str | float] = {
            "x1": _svg.across(a.x),
            "x2": _svg.across(b.x),
            "y1": frame.down(a.middle),
            "y2": frame.down(b.middle),
        }
        _svg.add(group, "line", class_="course", **ends)
    for point in line.points:
        _draw_bar(group, point, frame)
        at = _svg.anchor(group, point.x, frame.down(point.middle))
        _svg.add(at, "path", class_="estimate", d=MARKS[line.number % len(MARKS)])


def _draw_bar(group: Element, point: Point, frame: Frame) -> None:
    """Draw the quartiles, with an arrowhead where the axis ends before they do."""
    x = _svg.across(point.x)
    low, high = frame.down(point.low), frame.down(point.high)
    _svg.add(group, "line", class_="upright", x1=x, x2=x, y1=high, y2=low)
    for end, y, way in ((point.low, low, -6), (point.high, high, 6)):
        at = _svg.anchor(group, point.x, y)
        if frame.up.holds(end):
            _svg.add(at, "path", class_="cap", d="M-4 0h8")
        else:
            _svg.add(at, "path", class_="head", d=f"M0 {-way / 2:g}l-4 {way}h8z")


def _draw_names(chart: Element, lines: Sequence[Line], frame: Frame) -> None:
    """Write each name beside the end of its line, none over another."""
    ends = [frame.down(line.points[-1].middle) for line in lines]
    spots = spread(ends, _NAME, frame.top, frame.top + frame.tall)
    for line, end, spot in zip(lines, ends, spots, strict=True):
        group = _svg.add(chart, "g", class_=f"mark line-{line.number % COLOURS}")
        at = _svg.anchor(group, RIGHT + 0.04, spot)
        last = line.points[-1].x
        x1, x2 = _svg.across(last), _svg.across(RIGHT + 0.035)
        _svg.add(group, "line", class_="leader", x1=x1, x2=x2, y1=end, y2=spot)
        mark = MARKS[line.number % len(MARKS)]
        _svg.add(at, "path", class_="estimate", d=mark, transform="translate(4)")
        _svg.add(at, "text", _cut(line.name), class_="name", x=14, y=4.5)


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"
