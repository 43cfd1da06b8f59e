"""``foveate doctor``: examine a block, ours or yours."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from foveate.cli._output import print_json, print_table
from foveate.cli._words import options_of

__all__ = ["doctor"]

SIZE = re.compile(r"(\d+)x(\d+)")


def doctor(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="TARGET",
            help="package.module:Class, path/to/file.py:Class, or a name of the "
            "catalogue.",
            show_default=False,
        ),
    ] = None,
    *,
    channels: Annotated[
        int, typer.Option(min=1, help="Channels of its maps; its first argument.")
    ] = 64,
    option: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE", help="A further argument, such as reduction=8."
        ),
    ] = None,
    inputs: Annotated[
        int | None,
        typer.Option(
            min=1, help="Maps that it takes; one, or what a fusion of ours says."
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(metavar="HxW", help="The only size of map that it takes."),
    ] = None,
    training_batch: Annotated[
        int | None,
        typer.Option(min=1, help="The fewest images that it takes in training."),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="CHECK", help="Only this check.")
    ] = None,
    list_checks: Annotated[
        bool, typer.Option("--list", help="Print the checks and exit.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Examine a block: does it keep the promises of a good one?

    Ends with 1 if a check failed. A check that could not be run has not passed.
    """
    from foveate import checkup

    if list_checks:
        print_table(
            ("check", "promise"), [(each.name, each.title) for each in checkup.CHECKS]
        )
        return
    if target is None:
        raise typer.BadParameter("name what to examine, such as my_blocks.py:MyBlock.")
    diagnosis = checkup.doctor(
        target,
        channels=channels,
        options=options_of(option),
        inputs=inputs,
        size=_size(size),
        training_batch=training_batch,
        checks=only or None,
    )
    if json:
        print_json(diagnosis.plain())
    else:
        print(diagnosis)
    if not diagnosis.healthy:
        raise typer.Exit(1)


def _size(text: str | None) -> tuple[int, int] | None:
    """Return the sides that are written ``HxW``."""
    if text is None:
        return None
    found = SIZE.fullmatch(text)
    if found is None:
        raise typer.BadParameter(f"--size is written HxW, such as 16x12, got {text!r}.")
    return int(found[1]), int(found[2])
