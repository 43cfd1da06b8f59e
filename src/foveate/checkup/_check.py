"""A check, and the three ways in which it can end other than well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from foveate.checkup._patient import Patient

__all__ = ["Check", "Fault", "NotExaminedError", "check"]

Examine = Callable[[Patient], tuple[str, ...] | None]


class Fault(Exception):  # noqa: N818
    """A check's finding that the block breaks the promise.

    Args:
        cause: What is wrong, in words.
        *seen: Numbers, shapes and messages that show it.
        cure: What to change, if it is not the cure that the check gives.
    """

    def __init__(self, cause: str, *seen: str, cure: str | None = None) -> None:
        super().__init__(cause)
        self.cause = cause
        self.seen = seen
        self.cure = cure


class NotExaminedError(Exception):
    """A check's reason why it has nothing to say of this block."""


@dataclass(frozen=True)
class Check:
    """One promise that a good block keeps.

    Attributes:
        name: What the promise is called.
        title: The promise in a few words.
        protects: What goes wrong without it, and the usual cause in public code.
        cure: What to change in a block that fails.
        rests_on: Checks whose failure would explain a failure of this one: it uses
            what they examine. If one of them failed, this one is not run.
        examine: Look at a patient; return what was measured, if that is of interest.
    """

    name: str
    title: str
    protects: str
    cure: str
    rests_on: tuple[str, ...]
    examine: Examine


def check(
    *, title: str, protects: str, cure: str, rests_on: tuple[str, ...] = ()
) -> Callable[[Examine], Check]:
    """Return a decorator that makes a function the check of its name."""

    def add(examine: Examine) -> Check:
        return Check(
            name=examine.__name__,
            title=title,
            protects=protects,
            cure=cure,
            rests_on=rests_on,
            examine=examine,
        )

    return add
