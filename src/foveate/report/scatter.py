"""A chart of scores against the parameters that a block adds."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element

from foveate import _svg
from foveate.records import Row, Summary
from foveate.report import svg
from foveate.report.forest import fit_scores
from foveate.report.labels import LINE, Dot, Place, find_places
from foveate.report.numerals import percent, shorten
from foveate.report.scales import AddedScale, Scale

__all__ = ["CROWD", "draw_parameters"]

CROWD = 12
"""With more rows than this, only those that stand out have a name."""

_NARROW = 300
_FOOT = 24
_LONGEST = 24


def draw_parameters(summary: Summary) -> svg.Chart | None:
    """Draw mean scores against added parameters; None without a plain host."""
    plain, noise, rows = summary.plain_row, summary.noise, summary.rows
    if plain is None or noise is None:
        return None
    added = [row.parameters - plain.parameters for row in rows]
    across, up = AddedScale.of(added), fit_scores(rows)
    tall = 300
    told = ", ".join(
        f"{row.label} {percent(row.mean)} % with {shorten(more)}"
        for row, more in zip(rows, added, strict=True)
    )
    chart = svg.open_chart(tall + _FOOT, f"Mean accuracy and parameters added: {told}.")
    top, bottom = (_down(up, 100 * end, tall) for end in (noise.high, noise.low))
    _svg.add(
        chart,
        "rect",
        class_="noise",
        width="100%",
        y=top,
        height=max(bottom - top, 0.5),
    )
    y = _down(up, 100 * plain.mean, tall)
    _svg.add(chart, "line", class_="plain-mean", x1="0", x2="100%", y1=y, y2=y)
    _draw_axes(chart, across, up, tall)
    clipped = False
    for row, more in zip(rows, added, strict=True):
        x = across.place(more)
        clipped |= _draw_row(svg.mark_group(chart, row), row, x, up, tall)
    _draw_names(chart, rows, [across.place(more) for more in added], up, tall)
    return svg.Chart(_svg.write(chart), clipped)


def _draw_row(marks: Element, row: Row, x: float, up: Scale, tall: float) -> bool:
    """Draw a mean and its interval; return whether the interval is clipped."""
    clipped = False
    if row.interval:
        low, high = 100 * row.interval.low, 100 * row.interval.high
        place = _svg.across(x)
        y1, y2 = _down(up, low, tall), _down(up, high, tall)
        _svg.add(marks, "line", class_="upright", x1=place, x2=place, y1=y1, y2=y2)
        for beyond, y, side in ((low < up.low, y1, 1), (high > up.high, y2, -1)):
            if beyond:
                head = _svg.anchor(marks, x, y)
                way = f"M0 {3 * side}l-4 {-6 * side}h8z"
                _svg.add(head, "path", class_="head", d=way)
                clipped = True
    y = _down(up, 100 * row.mean, tall)
    dot = _svg.add(marks, "circle", class_="estimate", cx=_svg.across(x), cy=y, r=5)
    _svg.add(dot, "title", row.label)
    return clipped


def _draw_names(
    chart: Element, rows: Sequence[Row], across: Sequence[float], up: Scale, tall: float
) -> None:
    crowd = len(rows) > CROWD
    dots = [
        Dot(_NARROW * x, _down(up, 100 * row.mean, tall), _cut(row, crowd=crowd))
        for row, x in zip(rows, across, strict=True)
    ]
    places = find_places(dots, width=_NARROW, height=tall)
    for dot, place in zip(dots, places, strict=True):
        if dot.text:
            _draw_name(_svg.anchor(chart, dot.x / _NARROW, dot.y), dot.text, place)


def _draw_name(at: Element, text: str, place: Place) -> None:
    side, shift = place
    if abs(shift) > LINE / 2:
        way = f"M{5 * side} 0L{8 * side} {shift:g}"
        _svg.add(at, "path", class_="leader", d=way)
    where = "start" if side > 0 else "end"
    _svg.add(
        at, "text", text, class_="name", x=9 * side, y=shift + 4.5, text_anchor=where
    )


def _draw_axes(chart: Element, across: AddedScale, up: Scale, tall: float) -> None:
    for tick in up.ticks():
        y = _down(up, tick, tall)
        _svg.add(chart, "line", class_="grid", x1="0", x2="100%", y1=y, y2=y)
        _svg.add(chart, "text", f"{up.label(tick)} %", class_="tick", x=0, y=y - 4)
    _svg.add(chart, "line", class_="axis", x1="0", x2="100%", y1=tall, y2=tall)
    for number in across.ticks():
        x = _svg.across(across.place(number))
        _svg.add(chart, "line", class_="axis", x1=x, x2=x, y1=tall, y2=tall + 5)
        text = across.label(number)
        y = tall + 20
        _svg.add(chart, "text", text, class_="tick", x=x, y=y, text_anchor="middle")


def _down(up: Scale, value: float, tall: float) -> float:
    return tall * (1 - up.place(value))


def _cut(row: Row, *, crowd: bool) -> str:
    """Return what stands at a dot; in a crowd only what stands out has a name."""
    if crowd and svg.kind_of(row) == "cannot-tell":
        return ""
    if len(row.label) <= _LONGEST:
        return row.label
    return row.label[: _LONGEST - 1] + "…"
