"""What a colour bar stands for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from foveate import _checks
from foveate.errors import OptionError
from foveate.pictures.heat_map import Values

__all__ = ["OWN", "Scale", "step_of"]


@dataclass(frozen=True)
class Scale:
    """What the two ends of a colour bar stand for.

    Attributes:
        low: The value at its dark end.
        high: The value at its light end.
        kind: ``density`` and, of attention, ``share``: how many times the evenly spread
            value. ``gate``: what the features are multiplied by. ``own``: each map from
            its own lowest, 0, to its own highest, 1.
        clipped: Whether some values lie above ``high``; they have its colour.

    Raises:
        OptionError: The scale has no width, or an end is not finite.
    """

    low: float
    high: float
    kind: Literal["density", "share", "gate", "own"]
    clipped: bool = False

    def __post_init__(self) -> None:
        if not (self.low < self.high and math.isfinite(self.high - self.low)):
            raise OptionError(
                f"Scale: low must be below high, and both finite, got {self.low} "
                f"and {self.high}."
            )

    def place(self, values: NDArray[np.floating]) -> Values:
        """Return where values lie, from 0 to 1; beyond an end, that end."""
        shares = (values.astype(np.float64) - self.low) / (self.high - self.low)
        placed: Values = np.clip(shares, 0, 1).astype(np.float32)
        return placed

    def ticks(self, most: int = 5) -> tuple[float, ...]:
        """Return round values on the bar, with at most ``most`` steps between them."""
        _checks.positive("Scale.ticks", most=most)
        if self.kind == "own":
            return (self.low, self.high)
        step = step_of(self.low, self.high, most)
        slack = 1e-9
        first = math.ceil(self.low / step - slack)
        last = math.floor(self.high / step + slack)
        return tuple(round(step * n, 12) for n in range(first, last + 1))

    def label(self, tick: float) -> str:
        """Return what stands at a tick.

        Example:
            >>> Scale(0, 4, "density").label(2.0), Scale(0, 1, "own").label(0.0)
            ('2', 'lowest')
        """
        if self.kind == "own":
            return "lowest" if tick == self.low else "highest"
        return f"{tick:.6g}".replace("-", "\N{MINUS SIGN}")

    @property
    def words(self) -> str:
        """What the bar measures, for people."""
        if self.kind == "own":
            return "own range of each map: colours do not compare between maps"
        if self.kind == "gate":
            return "gate: what the features are multiplied by"
        if self.kind == "share":
            return "attention: times the evenly spread share"
        return "times the evenly spread value"

    @property
    def clipped_words(self) -> str:
        """What is said of the values above the bar; empty if there are none."""
        return f"higher values are drawn as {self.label(self.high)}" * self.clipped


OWN = Scale(0.0, 1.0, "own")
"""Every map from its own lowest to its own highest, as most heat maps are drawn."""


def step_of(low: float, high: float, most: int) -> float:
    """Return the least of 1, 2 and 5 times a power of ten for at most so many steps."""
    least = (high - low) / most * (1 - 1e-9)
    power = 10.0 ** math.floor(math.log10(least))
    return next(n * power for n in (1.0, 2.0, 5.0, 10.0) if n * power >= least)
