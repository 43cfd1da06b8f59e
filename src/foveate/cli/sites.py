"""``foveate sites``: show where a block can go in a model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from foveate.cli._host import InputWords, Model, SettingWords, load_model
from foveate.cli._output import print_json, print_note, print_table, results_only

if TYPE_CHECKING:
    from foveate.records import Site, Sites

__all__ = ["sites"]

PAGE = 50
"""How many layers a table should not exceed, if it is not asked for more."""


def sites(
    model: Model,
    *,
    inputs: InputWords = None,
    at: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN",
            help="Only these layers, and why a block cannot go there: 'layer4*', "
            "'**.bn2', 'type:C2f|SPPF', 'stage:-1', 're:...'.",
        ),
    ] = None,
    depth: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="How many layers within layers to show; if not given, as many as fit "
            f"on a page of {PAGE}.",
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Show every layer that can have a block.")
    ] = False,
    settings: SettingWords = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print JSON, of layers at any depth.")
    ] = False,
) -> None:
    """Show where a block can go: every layer, its maps, and the positions possible.

    The model is built with random weights and runs once. A path of the table, or a
    pattern over several, is what --at of the command graft takes.
    """
    with results_only():
        from foveate import surgery

        host, example = load_model(model, settings, inputs)
        found = surgery.sites(host, example, at=at or None)
    if json:
        print_json(found.plain())
        return
    shown = [*found] if everything or at else _outline(found, depth)
    print_table(
        ("path", "type", "channels x size", "stride", "stage", "positions"),
        [_row(site) for site in shown],
        numbers=("stride",),
    )
    if at:
        print("\n".join(line for site in shown for line in _reasons(site)))
    _say_what_is_left_out(found, shown)


def _row(site: Site) -> tuple[str, ...]:
    from foveate.records import POSITIONS

    return (
        site.path,
        site.type,
        ", ".join(map(str, site.outputs)) or "no map",
        "" if site.stride is None else f"{site.stride:g}",
        "" if site.stage is None else f"stage:{site.stage}",
        " ".join(each for each in POSITIONS if each not in site.refusals) or "none",
    )


def _reasons(site: Site) -> Iterator[str]:
    """Yield why a block cannot go to a site; positions of one reason are one line."""
    for reason in dict.fromkeys(site.refusals.values()):
        positions = [each for each in site.refusals if site.refusals[each] == reason]
        yield f"{site.path}: not {' or '.join(positions)}: {reason}"


def _outline(found: Sites, depth: int | None) -> list[Site]:
    """Return the layers down to a depth, if none is given as many as fit on a page.

    Layers that end a stage are among them at any depth.
    """
    depths = [_depth(site, found) for site in found]

    def down_to(depth: int) -> list[Site]:
        pairs = zip(found, depths, strict=True)
        return [s for s, deep in pairs if deep <= depth or s.stage is not None]

    if depth is not None:
        return down_to(depth)
    fitting = [d for d in sorted(set(depths)) if len(down_to(d)) <= PAGE]
    return down_to(max(fitting, default=1))


def _depth(site: Site, found: Sites) -> int:
    """Return within how many others a layer lies, itself included.

    A mere sequence does not count: what it holds lies beside it.
    """
    names = site.path.split(".")
    above = {".".join(names[:end]) for end in range(1, len(names))}
    return 1 + sum(each.path in above and each.type != "Sequential" for each in found)


def _say_what_is_left_out(found: Sites, shown: Sequence[Site]) -> None:
    if not len(found):
        print_note(
            f"no layer of this {found.host} can have a block; --at '**' says why."
        )
    elif len(shown) < len(found):
        print_note(
            f"not shown: {len(found) - len(shown)} layers within these. --depth 2 (or "
            "more) or --all shows them."
        )
