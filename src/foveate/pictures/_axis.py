"""An axis along the width of a chart, with round values as ticks."""

from __future__ import annotations

import math
from typing import NamedTuple
from xml.etree.ElementTree import Element

from foveate._svg import across, add

__all__ = ["Axis", "draw_axis", "name_tick"]

_NEAR = 1e-6


class Axis(NamedTuple):
    """Even steps from ``low`` to ``high``."""

    low: float
    high: float

    def place(self, value: float) -> float:
        """Return where a value lies, from 0 to 1; beyond an end, that end."""
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)

    def ticks(self) -> list[float]:
        """Return three to seven round values on the axis."""
        raw = (self.high - self.low) / 5
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(f * power for f in (1, 2, 2.5, 5, 10) if f * power >= 0.999 * raw)
        first = math.ceil(self.low / step - _NEAR)
        last = math.floor(self.high / step + _NEAR)
        return [step * number for number in range(first, last + 1)]


def draw_axis(
    chart: Element,
    axis: Axis,
    between: tuple[float, float],
    downwards: tuple[float, float],
) -> None:
    """Draw a grid of upright lines with its ticks beneath."""
    left, right = between
    top, bottom = downwards
    for tick in axis.ticks():
        x = across(left + (right - left) * axis.place(tick))
        add(chart, "line", class_="grid", x1=x, x2=x, y1=top, y2=bottom)
        label, y = name_tick(tick), bottom + 15
        add(chart, "text", label, class_="tick", x=x, y=y, text_anchor="middle")


def name_tick(tick: float) -> str:
    """Return what stands at a tick."""
    return f"{round(tick, 9):.4g}".replace("-", "\N{MINUS SIGN}")
