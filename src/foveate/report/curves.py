"""Learning curves: a small chart a block, each over the curve of the plain host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from xml.etree.ElementTree import Element

from foveate import _svg
from foveate.records import PLAIN, Row, Summary
from foveate.report import svg
from foveate.report.numerals import percent
from foveate.report.scales import Scale, fit_scale

__all__ = ["Panel", "draw_curves"]

_TALL = 120
_FOOT = 18


class Panel(NamedTuple):
    """One small chart.

    Attributes:
        label: Of the block.
        last: Mean accuracy after the last epoch.
        svg: Its markup.
    """

    label: str
    last: str
    svg: str


class Course(NamedTuple):
    """The accuracies of a block after each epoch, over its seeds."""

    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


def draw_curves(summary: Summary) -> list[Panel]:
    """Draw the mean accuracy after each epoch, one chart a row that has curves."""
    courses = {
        row.label: _course(row)
        for row in summary.rows
        if any(curve.test_accuracy for curve in row.curves)
    }
    if not courses:
        return []
    ends = [
        end
        for course in courses.values()
        for end in (min(course.low), max(course.high))
    ]
    epochs = max(len(course.mean) for course in courses.values())
    plain = courses.get(PLAIN)
    scale = fit_scale(ends, least=2.0)
    return [
        _draw_panel(row, courses[row.label], plain, scale, epochs)
        for row in summary.rows
        if row.label in courses
    ]


def _course(row: Row) -> Course:
    by_epoch = list(
        zip(*(c.test_accuracy for c in row.curves if c.test_accuracy), strict=False)
    )
    return Course(
        tuple(100 * sum(values) / len(values) for values in by_epoch),
        tuple(100 * min(values) for values in by_epoch),
        tuple(100 * max(values) for values in by_epoch),
    )


def _draw_panel(
    row: Row, course: Course, plain: Course | None, scale: Scale, epochs: int
) -> Panel:
    last = f"{course.mean[-1]:.1f}"
    told = f"{course.mean[0]:.1f} % after the first epoch, {last} % after the last"
    chart = svg.open_chart(_TALL + _FOOT, f"Learning curve of {row.label}: {told}.")
    _draw_axes(chart, scale, epochs)
    # Stretched to the width of the chart; strokes keep theirs by the style sheet.
    plot = _svg.add(
        chart,
        "svg",
        width="100%",
        height=_TALL,
        viewBox=f"0 0 100 {_TALL}",
        preserveAspectRatio="none",
        overflow="visible",
    )
    marks = svg.mark_group(plot, row)
    spread = [
        *_walk(course.low, scale, epochs),
        *_walk(course.high, scale, epochs)[::-1],
    ]
    if len(row.curves) > 1 and len(course.mean) > 1:
        _svg.add(marks, "polygon", class_="spread", points=" ".join(spread))
    if plain and row.label != PLAIN:
        way = " ".join(_walk(plain.mean, scale, epochs))
        _svg.add(marks, "polyline", class_="beneath", points=way)
    way = " ".join(_walk(course.mean, scale, epochs))
    _svg.add(marks, "polyline", class_="course", points=way)
    x, y = _walk(course.mean, scale, epochs)[-1].split(",")
    dot = svg.mark_group(chart, row)
    _svg.add(dot, "circle", class_="estimate", cx=f"{x}%", cy=y, r=3.5)
    return Panel(row.label, percent(course.mean[-1] / 100), _svg.write(chart))


def _walk(values: Sequence[float], scale: Scale, epochs: int) -> list[str]:
    """Return the points of a curve; x is in hundredths of the width."""
    return [
        f"{_along(epoch, epochs):.1f},{_TALL * (1 - scale.place(value)):.1f}"
        for epoch, value in enumerate(values, 1)
    ]


def _along(epoch: int, epochs: int) -> float:
    return 50.0 if epochs == 1 else 16 + 80 * (epoch - 1) / (epochs - 1)


def _draw_axes(chart: Element, scale: Scale, epochs: int) -> None:
    for tick in scale.ticks(3):
        y = _TALL * (1 - scale.place(tick))
        _svg.add(chart, "line", class_="grid", x1="0", x2="100%", y1=y, y2=y)
        _svg.add(chart, "text", scale.label(tick), class_="tick", x=0, y=y - 3)
    _svg.add(chart, "line", class_="axis", x1="0", x2="100%", y1=_TALL, y2=_TALL)
    for epoch in sorted({1, epochs}):
        text = f"epoch {epoch}" if epoch == 1 else str(epoch)
        x, y = f"{_along(epoch, epochs):.1f}%", _TALL + 14
        _svg.add(chart, "text", text, class_="tick", x=x, y=y, text_anchor="middle")
