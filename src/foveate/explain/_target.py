"""One thing that a heat map is for, and what there is none for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from foveate import _checks
from foveate.errors import OptionError, UnknownNameError
from foveate.explain.answers import Answers

__all__ = ["Target", "class_number"]


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
    value: Callable[[Any], Tensor]

    @property
    def label(self) -> str:
        """What it is for people, such as ``class 3 (0.92)``."""
        if self.score is None:
            return self.name
        # of a thousand classes the likeliest may have a share of 0.002
        digits = ".2f" if self.score >= SMALL else ".1g"
        return f"{self.name} ({self.score:{digits}})"


def class_number(answers: Answers, wanted: int | str) -> int:
    """Return the number of a class that is given by its number or its name.

    Raises:
        OptionError: The network has no class of that number, or names none.
        UnknownNameError: It has none of that name; near ones are offered.
    """
    if isinstance(wanted, str):
        return _named(answers, wanted)
    count = answers.number_of_classes
    if wanted < 0 or (count is not None and wanted >= count):
        has = "counts its classes from 0"
        if count is not None:
            has = f"has {count} classes, 0 to {count - 1}"
        if count == 1:
            has = "has one output, 0, that speaks for one of two classes"
        raise OptionError(f"targets: no class {wanted}: this network {has}.")
    return wanted


def _named(answers: Answers, wanted: str) -> int:
    if answers.names is None:
        raise OptionError(
            f"targets: {wanted!r} is a name, and this network does not name its "
            "classes. Give the number of the class."
        )
    for number, name in answers.names.items():
        if name.lower() == wanted.lower():
            return number
    raise UnknownNameError(
        f"targets: no class is named {wanted!r}. "
        f"{_checks.suggest(wanted, answers.names.values())}"
    )
