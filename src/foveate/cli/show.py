"""``foveate show``: print the card of a block."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from foveate import catalog
from foveate.cli._output import print_json

__all__ = ["show"]

WIDEST = 88


def show(
    name: Annotated[
        str, typer.Argument(help="A block, an alias, or a variant: cbam.keras.")
    ],
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print what a block is: formula, options, paper, and where it departs from it."""
    card, variant = catalog.resolve(name)
    if json:
        print_json(asdict(card))
        return
    title = card.name if variant is None else f"{card.name}.{variant.name}"
    print(f"{title}  ({card.kind}, {card.year})")
    print(card.summary if variant is None else variant.summary)
    print("\n".join(_sections(card, variant)))


def _sections(card: catalog.Card, variant: catalog.Variant | None) -> Iterator[str]:
    paper = card.paper
    yield from _section("Formula", card.formula.splitlines())
    defaults = card.defaults | dict(variant.options if variant else {})
    yield from _section(
        "Options",
        [f"{o.name}={defaults[o.name]!r}  {o.meaning}" for o in card.options],
    )
    yield from _section("Needs", card.needs)
    yield from _section(
        "Departs from the paper", [*card.differs, *(variant.differs if variant else ())]
    )
    yield from _section(
        "Variants", [f"{card.name}.{v.name}  {v.summary}" for v in card.variants]
    )
    yield from _section(
        "Also called", [", ".join(card.aliases)] if card.aliases else []
    )
    yield from _section(
        "Paper", [f"{paper.title}.", f"{paper.authors}. {paper.venue} {paper.year}."]
    )
    yield f"  {paper.link}"
    yield f"\n{paper.bibtex(card.name)}"


def _section(title: str, lines: Sequence[str]) -> Iterator[str]:
    width = min(shutil.get_terminal_size((WIDEST, 24)).columns, WIDEST)
    if lines:
        yield f"\n{title}"
    for line in lines:
        yield textwrap.fill(line, width, initial_indent="  ", subsequent_indent="    ")
