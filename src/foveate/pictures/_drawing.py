"""What charts that stand alone or within a page have in common.

Places along the width are shares of it: a chart has a width of its own, and fills any
other that a page gives it, while its text and its strokes keep their size. Places along
the height are pixels.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element

from foveate._svg import across, add, printable, short
from foveate.pictures._chart_style import STYLE

__all__ = ["cut_middle", "open_chart", "several", "stretch"]

WIDTH = 720


def open_chart(height: float, label: str) -> Element:
    """Return an empty chart; ``label`` says in words what it shows."""
    chart = Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "class": "foveate-chart",
            "role": "img",
            "aria-label": printable(label),
            "width": str(WIDTH),
            "height": short(height),
        },
    )
    add(chart, "style", STYLE)
    add(chart, "rect", class_="paper", width="100%", height="100%")
    return chart


def stretch(
    parent: Element, y: float, tall: float, wide: float, between: tuple[float, float]
) -> Element:
    """Add a frame from one share of the width to another, ``wide`` units across."""
    left, right = between
    return add(
        parent,
        "svg",
        x=across(left),
        y=y,
        width=across(right - left),
        height=tall,
        viewBox=f"0 0 {short(wide)} {short(tall)}",
        preserveAspectRatio="none",
        overflow="visible",
    )


def cut_middle(name: str, most: int) -> str:
    """Return a name with its middle left out if it is longer than ``most``.

    Example:
        >>> cut_middle("layer4.1.foveate.after.0.block", 15)
        'layer4.…0.block'
    """
    if len(name) <= most:
        return name
    start = (most - 1) // 2
    return (
        f"{name[:start]}\N{HORIZONTAL ELLIPSIS}{name[len(name) - (most - 1 - start) :]}"
    )


def several(number: int, noun: str) -> str:
    """Return ``1 image`` or ``3 images``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
