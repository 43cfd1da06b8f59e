"""``foveate show``: print the card of a block."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from foveate import catalog
from foveate.cli._output import print_json
from foveate.report import render_calls

if TYPE_CHECKING:
    from foveate.records import Cost

__all__ = ["show"]

WIDEST = 88
CHANNELS = 256
SIZES = ((14, 14), (56, 56))


def show(
    name: Annotated[
        str, typer.Argument(help="A block, an alias, or a variant: cbam.keras.")
    ],
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print what a block is: formula, options, paper, and where it departs from it."""
    from foveate import profile

    card, variant = catalog.resolve(name)
    costs = {size: profile.block_cost(name, CHANNELS, size) for size in SIZES}
    if json:
        print_json(asdict(card) | {"cost": _plain(costs)})
        return
    title = card.name if variant is None else f"{card.name}.{variant.name}"
    print(f"{title}  ({card.kind}, {card.year})")
    print(card.summary if variant is None else variant.summary)
    print("\n".join(_sections(card, variant, catalog.starts_of(name))))
    print("\n".join(_section(f"Cost of {CHANNELS} channels", _cost_lines(costs))))
    print(f"\n{card.paper.bibtex(card.name)}")


def _sections(
    card: catalog.Card,
    variant: catalog.Variant | None,
    starts: Sequence[catalog.Start],
) -> Iterator[str]:
    paper = card.paper
    yield from _section("Formula", card.formula.splitlines())
    defaults = card.defaults | dict(variant.options if variant else {})
    yield from _section(
        "Options",
        [f"{o.name}={defaults[o.name]!r}  {o.meaning}" for o in card.options],
    )
    block, layer = render_calls(card, variant)
    yield from _section(
        "Created by",
        [f"{block}  PyTorch: foveate as fv", f"{layer}  Keras: foveate.keras as fk"],
    )
    yield from _section("Needs", card.needs)
    yield from _section(
        "Departs from the paper", [*card.differs, *(variant.differs if variant else ())]
    )
    yield from _section(
        "Starts when grafted", [f"{start}  {catalog.STARTS[start]}" for start in starts]
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


def _cost_lines(costs: Mapping[tuple[int, int], Cost]) -> list[str]:
    return [
        f"{height}x{width} places: {cost.parameters:,} parameters, {cost.macs:,} "
        "multiply-accumulates"
        for (height, width), cost in costs.items()
    ]


def _plain(costs: Mapping[tuple[int, int], Cost]) -> list[dict[str, int]]:
    return [
        {
            "channels": CHANNELS,
            "height": height,
            "width": width,
            "parameters": cost.parameters,
            "macs": cost.macs,
        }
        for (height, width), cost in costs.items()
    ]


def _section(title: str, lines: Sequence[str]) -> Iterator[str]:
    width = min(shutil.get_terminal_size((WIDEST, 24)).columns, WIDEST)
    if lines:
        yield f"\n{title}"
    for line in lines:
        yield textwrap.fill(line, width, initial_indent="  ", subsequent_indent="    ")
