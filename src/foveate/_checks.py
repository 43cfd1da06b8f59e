"""Checks of options: each message names the value that came and what would work."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence

from foveate.errors import OptionError

__all__ = [
    "boolean",
    "cut",
    "finite_or_none",
    "hidden_width",
    "misfits",
    "multiple_of",
    "number",
    "odd",
    "one_of",
    "positive",
    "positive_or_none",
    "share",
    "size",
    "size_or_none",
    "suggest",
    "whole_numbers",
]

SIDES = 2

MOST_KNOWN = 60
"""How many names a message lists that is near to none of them."""


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


def finite_or_none(owner: str, **values: float | None) -> None:
    """Raise OptionError unless every value is a finite number, or None."""
    for name, value in values.items():
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        if value is not None and not (fits and abs(value) < float("inf")):
            raise OptionError(
                f"{owner}: {name} must be a finite number or None, got {value!r}."
            )


def share(owner: str, **values: float) -> None:
    """Raise OptionError unless every value is a number from 0 to below 1."""
    for name, value in values.items():
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        if not (fits and 0 <= value < 1):
            raise OptionError(
                f"{owner}: {name} must be a number from 0 to below 1, got {value!r}."
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


def whole_numbers(
    owner: str, *, fewest: int, example: tuple[int, ...], **values: Sequence[int]
) -> None:
    """Raise OptionError unless every value is a sequence of numbers greater than 0."""
    for name, value in values.items():
        fits = isinstance(value, Sequence) and not isinstance(value, str)
        if not fits or len(value) < fewest:
            raise OptionError(
                f"{owner}: {name} must be a sequence of {fewest} or more whole "
                f"numbers, such as {example}, got {value!r}."
            )
        for item in value:
            positive(owner, **{name: item})


def size(owner: str, *, spatial_size: Sequence[int] | None) -> tuple[int, int]:
    """Return ``spatial_size`` as ``(H, W)``, after checking that it is such."""
    pair = tuple(spatial_size) if isinstance(spatial_size, tuple | list) else ()
    # not isinstance, which would take True for 1
    if len(pair) != SIDES or any(type(side) is not int or side <= 0 for side in pair):
        raise OptionError(
            f"{owner}: spatial_size must be (H, W), two whole numbers greater than 0, "
            f"got {spatial_size!r}."
        )
    return pair[0], pair[1]


def size_or_none(
    owner: str, *, spatial_size: Sequence[int] | None
) -> tuple[int, int] | None:
    """Do as ``size``, but let pass ``None``: a block that takes maps of any size."""
    return None if spatial_size is None else size(owner, spatial_size=spatial_size)


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
    return f"Known: {cut(names, MOST_KNOWN)}." if names else "There are none."


def cut(words: Sequence[str], most: int = 8) -> str:
    """Return words for a message; of more than ``most``, it says how many are left out.

    Example:
        >>> cut(["a", "b", "c"]), cut(["a", "b", "c"], most=2)
        ('a, b, c', 'a, b and 1 more')
    """
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more


def misfits(
    own: Mapping[str, Sequence[int]], given: Mapping[str, Sequence[int]]
) -> str:
    """Return what keeps weights from a module, for a message; empty if they fit.

    Args:
        own: The shapes of the tensors of the module, by their names.
        given: Those of the weights.

    Example:
        >>> misfits({"fc.bias": (10,), "fc.weight": (10, 8)}, {"fc.bias": (5,)})
        'Missing: fc.weight. Of another shape: fc.bias is (5,), needed (10,).'
    """
    missing = [key for key in own if key not in given]
    unexpected = [key for key in given if key not in own]
    wrong = [
        f"{key} is {tuple(given[key])}, needed {tuple(own[key])}"
        for key in own
        if key in given and tuple(given[key]) != tuple(own[key])
    ]
    parts = [
        f"Missing: {cut(missing)}." if missing else "",
        f"Unexpected: {cut(unexpected)}." if unexpected else "",
        f"Of another shape: {cut(wrong)}." if wrong else "",
    ]
    return " ".join(part for part in parts if part)
