"""Find places for names beside dots, so that no two lie on each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["LINE", "Dot", "Place", "find_places"]

LINE = 15
"""Height of a name."""

_CHARACTER = 7.2
_GAP = 9
_RADIUS = 6


class Dot(NamedTuple):
    """A dot that wants its name beside it, in pixels."""

    x: float
    y: float
    text: str


class Place(NamedTuple):
    """Where a name goes: to the left (-1) or right (1), and how far down."""

    side: int
    shift: float


class Box(NamedTuple):
    """A place that is taken."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        """Return whether the two boxes overlap."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


def find_places(dots: Sequence[Dot], *, width: float, height: float) -> list[Place]:
    """Return a place for the name of each dot.

    What is free on a chart of this ``width`` is free on any wider one on which the
    dots move apart.
    """
    taken = {
        index: [Box(x - _RADIUS, y - _RADIUS, x + _RADIUS, y + _RADIUS)]
        for index, (x, y, _) in enumerate(dots)
    }
    places = {}
    for index in sorted(taken, key=lambda index: dots[index].y):
        others = [box for owner in taken if owner != index for box in taken[owner]]
        place, box = _find_place(dots[index], others, width, height)
        places[index] = place
        taken[index].append(box)
    return [places[index] for index in range(len(dots))]


def _find_place(
    dot: Dot, taken: Sequence[Box], width: float, height: float
) -> tuple[Place, Box]:
    steps = [0.0]
    for step in range(1, int(height / LINE) * 2):
        steps += [step * LINE / 2, -step * LINE / 2]
    choices = [Place(side, shift) for shift in steps for side in (1, -1)]
    for place in choices:
        box = _box(dot, place)
        fits = box.left >= 0 and box.right <= width
        fits = fits and box.top >= 0 and box.bottom <= height
        if fits and not any(box.meets(other) for other in taken):
            return place, box
    return choices[0], _box(dot, choices[0])


def _box(dot: Dot, place: Place) -> Box:
    long = _GAP + _CHARACTER * len(dot.text)
    top = dot.y + place.shift - LINE / 2
    # From the dot itself: on a wider chart no other dot may come between the two.
    left, right = (dot.x, dot.x + long) if place.side > 0 else (dot.x - long, dot.x)
    return Box(left, top, right, top + LINE)
