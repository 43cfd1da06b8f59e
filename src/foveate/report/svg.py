"""What the charts of a report have in common.

Places along the width are shares of it: a chart fills whatever width it is given, while
its text and its strokes keep their size. Places along the height are pixels.
"""

from __future__ import annotations

from typing import NamedTuple
from xml.etree.ElementTree import Element

from foveate._svg import add, short
from foveate.records import PLAIN, Row

__all__ = [
    "Chart",
    "kind_of",
    "mark_group",
    "open_chart",
]


class Chart(NamedTuple):
    """A finished chart.

    Attributes:
        svg: Its markup.
        clipped: Whether an interval runs beyond its axis.
    """

    svg: str
    clipped: bool


def open_chart(height: float, label: str) -> Element:
    """Return an empty chart as wide as its place; ``label`` says what it shows."""
    return Element(
        "svg",
        {"role": "img", "aria-label": label, "width": "100%", "height": short(height)},
    )


def mark_group(parent: Element, row: Row) -> Element:
    """Add a group whose marks have the colour of what was found of ``row``."""
    return add(parent, "g", class_=f"mark {kind_of(row)}")


def kind_of(row: Row) -> str:
    """Return ``reference`` or the verdict, as the style sheet names it."""
    return "reference" if row.label == PLAIN else row.verdict.replace(" ", "-")
