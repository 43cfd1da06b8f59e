"""What is written on the command line in more than one word of ours."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import typer

__all__ = [
    "Fitting",
    "OptionWords",
    "Position",
    "class_of",
    "options_of",
    "pixel_of",
    "shape_of",
    "size_of",
]

Position = Annotated[
    Literal["after", "before", "replace"],
    typer.Option(help="After the layers, before them or in their place."),
]

OptionWords = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        metavar="NAME=VALUE",
        help="An option of the block, such as reduction=8.",
    ),
]

Fitting = Annotated[
    bool, typer.Option("--fitting", help="Leave out the layers that cannot.")
]

SHAPE = re.compile(r"[1-9]\d*(x[1-9]\d*){3}")
SIZE = re.compile(r"[1-9]\d*(x[1-9]\d*)?")
PIXEL = re.compile(r"\d+,\d+")
CLASS = re.compile(r"-?\d+")


def options_of(words: Sequence[str] | None, flag: str = "--option") -> dict[str, Any]:
    """Return the options that are written ``NAME=VALUE``, the value in YAML.

    Args:
        words: What was written; None for nothing.
        flag: The option of the command, for messages.
    """
    import yaml

    options = {}
    for word in words or ():
        name, separator, value = word.partition("=")
        if not (separator and name.isidentifier()):
            raise typer.BadParameter(f"{flag} is written NAME=VALUE, got {word!r}.")
        try:
            options[name] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise typer.BadParameter(
                f"the value of {name} is not YAML: {value!r}."
            ) from None
    return options


def shape_of(text: str) -> tuple[int, ...]:
    """Return the shape that is written ``1x3x224x224``."""
    if SHAPE.fullmatch(text) is None:
        raise typer.BadParameter(
            f"--input is written BxCxHxW, such as 1x3x224x224, got {text!r}."
        )
    return tuple(int(size) for size in text.split("x"))


def size_of(text: str) -> int | tuple[int, int] | None:
    """Return the size that is written ``224`` or ``320x480``; None if nothing is."""
    if not text:
        return None
    if SIZE.fullmatch(text) is None:
        raise typer.BadParameter(
            f"--size is written 224 or 320x480 (height x width), got {text!r}."
        )
    sides = [int(side) for side in text.split("x")]
    return sides[0] if len(sides) == 1 else (sides[0], sides[1])


def pixel_of(text: str) -> tuple[int, int] | None:
    """Return the pixel that is written ``120,80``; None if nothing is."""
    if not text:
        return None
    if PIXEL.fullmatch(text) is None:
        raise typer.BadParameter(
            f"--query is written ROW,COLUMN, such as 120,80, got {text!r}."
        )
    row, _, column = text.partition(",")
    return int(row), int(column)


def class_of(text: str) -> int | str | None:
    """Return the class that is written by its number or name; None if none is."""
    return int(text) if CLASS.fullmatch(text) else text or None
