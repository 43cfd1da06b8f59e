"""One thing that a class activation map is for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Target"]

SMALL = 0.005


@dataclass(frozen=True, eq=False)
class Target:
    """What a map is for.

    Attributes:
        category: The number of the class; None if it is for no class.
        score: How sure the network is of it, from 0 to 1; None if it does not say.
        box: Left, top, right and bottom in pixels of the input; None if it is no box.
        name: What to call it, such as ``class 3``.
        value: Makes of the answer to an image the number whose gradient is taken.
    """

    category: int | None
    score: float | None
    box: tuple[float, float, float, float] | None
    name: str
    value: Callable[[Any], Any]

    @property
    def label(self) -> str:
        """What it is for people, such as ``class 3 (0.92)``."""
        if self.score is None:
            return self.name
        # of a thousand classes the likeliest may have a share of 0.002
        digits = ".2f" if self.score >= SMALL else ".1g"
        return f"{self.name} ({self.score:{digits}})"
