"""Checks of options: each message names the value that came and what would work."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from foveate.errors import OptionError

__all__ = [
    "boolean",
    "hidden_width",
    "multiple_of",
    "number",
    "odd",
    "one_of",
    "positive",
    "positive_or_none",
    "suggest",
]


def boolean(owner: str, **values: bool) -> None:
    """Raise OptionError unless every value is True or False."""
    for name, value in values.items():
        if not isinstance(value, bool):
            raise OptionError(f"{owner}: {name} must be True or False, got {value!r}.")


def positive(owner: str, **values: int) -> None:
    """Raise OptionError unless every value is a whole number greater than 0."""
    for name, value in values.items():
        if not isinstance(value, int) or isinstance(value, bool):
            raise OptionError(
                f"{owner}: {name} must be a whole number greater than 0, "
                f"got {value!r} ({type(value).__name__})."
            )
        if value <= 0:
            raise OptionError(f"{owner}: {name} must be greater than 0, got {value}.")


def positive_or_none(owner: str, **values: int | None) -> None:
    """Do as ``positive``, but let pass ``None``: an option that is not set."""
    positive(owner, **{n: value for n, value in values.items() if value is not None})


def number(owner: str, *, above: float, **values: float) -> None:
    """Raise OptionError unless every value is a number greater than ``above``."""
    for name, value in values.items():
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        if not fits or not above < value < float("inf"):
            raise OptionError(
                f"{owner}: {name} must be a number greater than {above:g}, "
                f"got {value!r}."
            )


def odd(owner: str, **values: int) -> None:
    """Raise OptionError unless every value is odd and greater than 0."""
    positive(owner, **values)
    for name, value in values.items():
        if value % 2 == 0:
            raise OptionError(
                f"{owner}: {name} must be odd, so that the map keeps its size, "
                f"got {value}. Nearest that fit: {value - 1} or {value + 1}."
            )


def multiple_of(owner: str, channels: int, divisor: int, because: str) -> None:
    """Raise OptionError unless ``channels`` divides evenly, naming the nearest fits."""
    if channels % divisor:
        below = channels - channels % divisor
        fits = " or ".join(str(n) for n in (below, below + divisor) if n)
        raise OptionError(
            f"{owner}: channels must be a multiple of {divisor} ({because}), "
            f"got {channels}. Nearest that fit: {fits}."
        )


def hidden_width(
    channels: int,
    reduction: int,
    *,
    min_channels: int = 1,
    hidden_channels: int | None = None,
) -> int:
    """Return the width of a bottleneck.

    It is ``hidden_channels`` if given, else ``channels // reduction``, but never
    below ``min_channels``.

    Example:
        >>> hidden_width(256, 16), hidden_width(8, 16)
        (16, 1)
    """
    if hidden_channels is not None:
        return hidden_channels
    return max(channels // reduction, min_channels)


def one_of(owner: str, known: Iterable[str], **values: str) -> None:
    """Raise OptionError unless every value is one of ``known``."""
    names = list(known)
    for name, value in values.items():
        if value not in names:
            raise OptionError(
                f"{owner}: {name} cannot be {value!r}. {suggest(str(value), names)}"
            )


def suggest(name: str, known: Iterable[str]) -> str:
    """Return a sentence that offers the names nearest to ``name``, or all of them.

    Example:
        >>> suggest("cbm", ["se", "eca", "cbam"])
        "Did you mean 'cbam'?"
        >>> suggest("transformer", ["se", "eca"])
        'Known: eca, se.'
    """
    names = sorted(set(known))
    near = difflib.get_close_matches(name.lower(), names, n=3, cutoff=0.6)
    if near:
        return f"Did you mean {' or '.join(repr(found) for found in near)}?"
    return f"Known: {', '.join(names)}." if names else "There are none."
