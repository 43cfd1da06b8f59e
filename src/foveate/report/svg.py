"""Small pieces of vector graphics.

Places along the width are shares of it, written as percentages: a chart fills
whatever width it is given, while its text and its strokes keep their size. Places
along the height are pixels.
"""

from __future__ import annotations

from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement, tostring

from foveate.records import PLAIN, Row

__all__ = [
    "Chart",
    "across",
    "add",
    "anchor",
    "kind_of",
    "mark_group",
    "open_chart",
    "write",
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
        {"role": "img", "aria-label": label, "width": "100%", "height": _short(height)},
    )


def add(
    parent: Element,
    name: str,
    text: str | None = None,
    /,
    **attributes: str | float,
) -> Element:
    """Add an element; ``class_`` and ``text_anchor`` lose and change their bars."""
    named = {
        key.rstrip("_").replace("_", "-"): (
            value if isinstance(value, str) else _short(value)
        )
        for key, value in attributes.items()
    }
    element = SubElement(parent, name, named)
    element.text = text
    return element


def anchor(parent: Element, share: float, y: float) -> Element:
    """Add a frame at a place, in which all coordinates are pixels."""
    return add(parent, "svg", x=across(share), y=y, overflow="visible")


def mark_group(parent: Element, row: Row) -> Element:
    """Add a group whose marks have the colour of what was found of ``row``."""
    return add(parent, "g", class_=f"mark {kind_of(row)}")


def kind_of(row: Row) -> str:
    """Return ``reference`` or the verdict, as the style sheet names it."""
    return "reference" if row.label == PLAIN else row.verdict.replace(" ", "-")


def across(share: float) -> str:
    """Return a share of the width."""
    return f"{_short(100 * share)}%"


def write(chart: Element) -> str:
    """Return the markup of a chart; all text in it is escaped."""
    return tostring(chart, encoding="unicode", short_empty_elements=True)


def _short(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")
