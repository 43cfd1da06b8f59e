"""The class that is asked for, by its number or its name."""

from __future__ import annotations

from foveate import _checks
from foveate.errors import OptionError, UnknownNameError
from foveate.explain.answers import Answers
from foveate.pictures.classes import check_class

__all__ = ["class_number"]


def class_number(answers: Answers, wanted: int | str) -> int:
    """Return the number of a class that is given by its number or its name.

    Raises:
        OptionError: The network has no class of that number, or names none.
        UnknownNameError: It has none of that name; near ones are offered.
    """
    if isinstance(wanted, str):
        return _named(answers, wanted)
    check_class(wanted, answers.number_of_classes)
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
