"""Markup of vector graphics, element by element.

Places along the width are shares of it, written as percentages; places along the
height are pixels.
"""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, SubElement, tostring

__all__ = ["across", "add", "anchor", "printable", "short", "write"]

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


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
            value if isinstance(value, str) else short(value)
        )
        for key, value in attributes.items()
    }
    element = SubElement(parent, name, named)
    element.text = None if text is None else printable(text)
    return element


def anchor(parent: Element, share: float, y: float) -> Element:
    """Add a frame at a place, in which all coordinates are pixels."""
    return add(parent, "svg", x=across(share), y=y, overflow="visible")


def across(share: float) -> str:
    """Return a share of the width."""
    return f"{short(100 * share)}%"


def short(number: float) -> str:
    """Return a coordinate, to a hundredth."""
    return f"{number:.2f}".rstrip("0").rstrip(".")


def write(chart: Element) -> str:
    """Return the markup of a chart; all text in it is escaped."""
    return tostring(chart, encoding="unicode", short_empty_elements=True)


def printable(text: str) -> str:
    """Return text without the characters that XML cannot hold."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)
