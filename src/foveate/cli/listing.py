"""``foveate list``: show the catalogue."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from foveate import catalog
from foveate.cli._output import print_json, print_table

__all__ = ["list_blocks"]


def list_blocks(
    pattern: Annotated[
        str, typer.Argument(help="Glob over names, such as '*shuffle*'.")
    ] = "*",
    kind: Annotated[catalog.Kind | None, typer.Option(help="Only this kind.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the blocks of the catalogue."""
    cards = catalog.find(pattern, kind=kind)
    if json:
        print_json([asdict(card) for card in cards])
    else:
        print_table(
            (
                "name",
                "kind",
                "year",
                "parameters\nat C=256",
                "variants",
                "what it does",
            ),
            [
                (
                    card.name,
                    card.kind,
                    str(card.year),
                    f"{card.parameters:,}",
                    " ".join(card.variant_names),
                    card.summary,
                )
                for card in cards
            ],
        )
