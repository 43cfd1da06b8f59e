"""Two charts with a line a block: the scores, and the differences to the plain host."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from xml.etree.ElementTree import Element

from foveate import _svg
from foveate.records import PLAIN, Interval, Noise, Row, Summary
from foveate.report import svg
from foveate.report.numerals import percent, signed, signed_interval
from foveate.report.scales import Scale, fit_scale

__all__ = ["draw_differences", "draw_scores", "fit_scores"]

ROW = 36
"""Height of a line; the style sheet gives the names beside the charts the same."""

_HEAD = 22
_FOOT = 22
_BAR = 9
_CLOSE = 0.025
_FEW = 5
_ASIDE = (0, -7, 7)


def draw_scores(summary: Summary) -> svg.Chart:
    """Draw each seed's score, the mean with its interval, and the noise band."""
    rows, scale = summary.rows, fit_scores(summary.rows)
    means = ", ".join(f"{row.label} {percent(row.mean)} %" for row in rows)
    chart = svg.open_chart(_height(rows), f"Mean accuracy: {means}.")
    if summary.noise and summary.plain_row:
        _draw_noise(chart, scale, summary.noise, summary.plain_row, _height(rows))
    _draw_frame(chart, scale, len(rows))
    clipped = False
    for line, row in enumerate(rows):
        y = _middle(line)
        marks = svg.mark_group(chart, row)
        if row.interval:
            clipped |= _draw_interval(marks, scale, row.interval, y, class_="bar")
        _draw_seeds(marks, scale, row, y)
        place = _svg.across(scale.place(100 * row.mean))
        _svg.add(marks, "line", class_="mean", x1=place, x2=place, y1=y - 9, y2=y + 9)
    return svg.Chart(_svg.write(chart), clipped)


def draw_differences(summary: Summary) -> svg.Chart | None:
    """Draw differences to the plain host with intervals; None if none is known."""
    if not any(row.family for row in summary.rows):
        return None
    rows, scale = summary.rows, _fit_differences(summary.rows)
    told = ", ".join(
        f"{row.label} {signed(row.family.estimate)} ({signed_interval(row.family)})"
        for row in rows
        if row.family
    )
    label = f"Difference to the plain host in points: {told}."
    chart = svg.open_chart(_height(rows), label)
    _draw_frame(chart, scale, len(rows))
    zero = _svg.across(scale.place(0))
    bottom = _HEAD + ROW * len(rows)
    _svg.add(chart, "line", class_="zero", x1=zero, x2=zero, y1=_HEAD, y2=bottom)
    clipped = False
    for line, row in enumerate(rows):
        clipped |= _draw_difference(chart, scale, row, _middle(line))
    return svg.Chart(_svg.write(chart), clipped)


def fit_scores(rows: Sequence[Row]) -> Scale:
    """Return an axis of percentages that holds all scores."""
    shown = [100 * score for row in rows for score in row.scores.values()]
    reach = [
        min(max(100 * end, 0.0), 100.0)
        for row in rows
        if row.interval
        for end in (row.interval.low, row.interval.high)
    ]
    return fit_scale(shown, reach)


def _fit_differences(rows: Sequence[Row]) -> Scale:
    """Return an axis of points that holds 0, the estimates and a usual interval."""
    known = [row for row in rows if row.difference and row.family]
    estimates = [100 * row.difference.estimate for row in known if row.difference]
    half = median(100 * row.difference.half_width for row in known if row.difference)
    shown = [0.0, *(value + side * half for value in estimates for side in (-1, 1))]
    reach = [
        100 * end
        for row in known
        if row.family
        for end in (row.family.low, row.family.high)
    ]
    return fit_scale(shown, reach, overhang=0.25)


def _draw_difference(chart: Element, scale: Scale, row: Row, y: float) -> bool:
    """Draw one line of the differences; return whether an interval is clipped."""
    if row.family is None or row.difference is None:
        why = "the reference" if row.label == PLAIN else "too few seeds"
        aside = _svg.anchor(chart, scale.place(0), y)
        _svg.add(aside, "text", why, class_="aside", x=8, y=4)
        return False
    marks = svg.mark_group(chart, row)
    clipped = _draw_interval(marks, scale, row.family, y, class_="thin")
    clipped |= _draw_interval(marks, scale, row.difference, y, class_="bar")
    place = _svg.across(scale.place(100 * row.difference.estimate))
    _svg.add(marks, "circle", class_="estimate", cx=place, cy=y, r=4.5)
    return clipped


def _draw_seeds(marks: Element, scale: Scale, row: Row, y: float) -> None:
    """Draw the score of each seed; those that would hide each other step aside."""
    radius = 3.5 if len(row.scores) <= _FEW else 2.75
    last, step = -1.0, 0
    for place in sorted(scale.place(100 * score) for score in row.scores.values()):
        step = (step + 1) % len(_ASIDE) if place - last < _CLOSE else 0
        last = place
        cy = y + _ASIDE[step]
        _svg.add(marks, "circle", class_="seed", cx=_svg.across(place), cy=cy, r=radius)


def _draw_interval(
    marks: Element, scale: Scale, interval: Interval, y: float, *, class_: str
) -> bool:
    """Draw an interval, with an arrowhead where the axis ends before it does."""
    low, high = 100 * interval.low, 100 * interval.high
    start, end = scale.place(low), scale.place(high)
    height = _BAR if class_ == "bar" else 1.5
    _svg.add(
        marks,
        "rect",
        class_=class_,
        x=_svg.across(start),
        width=_svg.across(end - start),
        y=y - height / 2,
        height=height,
        rx=min(height / 2, 2),
    )
    for beyond, share, side in (
        (not scale.holds(low), 0, -1),
        (high > scale.high, 1, 1),
    ):
        if beyond:
            head = _svg.anchor(marks, share, y)
            _svg.add(head, "path", class_="head", d=f"M{7 * side} 0l{-7 * side}-5v10z")
    return not scale.holds(low) or not scale.holds(high)


def _draw_frame(chart: Element, scale: Scale, lines: int) -> None:
    """Draw the axis on top, its grid, and a rule under the plain host."""
    bottom = _HEAD + ROW * lines
    for tick in scale.ticks():
        place = _svg.across(scale.place(tick))
        _svg.add(chart, "line", class_="grid", x1=place, x2=place, y1=_HEAD, y2=bottom)
        text = scale.label(tick)
        _svg.add(
            chart, "text", text, class_="tick", x=place, y=14, text_anchor="middle"
        )
    for line in range(lines + 1):
        y = _HEAD + ROW * line
        _svg.add(chart, "line", class_="rule", x1="0", x2="100%", y1=y, y2=y)


def _draw_noise(
    chart: Element, scale: Scale, noise: Noise, plain: Row, height: float
) -> None:
    """Draw what a change of seed does to the plain host."""
    start, end = scale.place(100 * noise.low), scale.place(100 * noise.high)
    tall = height - _FOOT - _HEAD
    where = {"x": _svg.across(start), "width": _svg.across(end - start)}
    _svg.add(chart, "rect", class_="noise", **where, y=_HEAD, height=tall)
    place = _svg.across(scale.place(100 * plain.mean))
    y2 = height - _FOOT + 4
    _svg.add(chart, "line", class_="plain-mean", x1=place, x2=place, y1=_HEAD, y2=y2)
    middle = (start + end) / 2
    side = "start" if middle < 1 / 3 else "end" if middle > 2 / 3 else "middle"
    x = _svg.across({"start": start, "end": end}.get(side, middle))
    _svg.add(
        chart,
        "text",
        "range of the plain host" if noise.low < noise.high else "the plain host",
        class_="aside",
        x=x,
        y=height - 5,
        text_anchor=side,
    )


def _height(rows: Sequence[Row]) -> float:
    return _HEAD + ROW * len(rows) + _FOOT


def _middle(line: int) -> float:
    return _HEAD + ROW * (line + 0.5)
