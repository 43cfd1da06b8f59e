"""``foveate graft``: put a block into a model and say what it costs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foveate import catalog
from foveate.cli._host import InputWords, Model, SettingWords, load_model
from foveate.cli._output import print_json, print_note, print_table, results_only
from foveate.cli._words import Fitting, OptionWords, Position, options_of

if TYPE_CHECKING:
    from foveate.records import Cost, Plan, PlanCost

__all__ = ["graft"]


def graft(
    model: Model,
    block: Annotated[
        str,
        typer.Argument(
            metavar="BLOCK",
            help="A name of the catalogue, path/to/file.py:Class or "
            "package.module:Class.",
        ),
    ],
    *,
    at: Annotated[
        list[str],
        typer.Option(
            metavar="PATTERN",
            help="Which layers: 'layer4', '**.bn2', 'type:C2f|SPPF', 'stage:-1', "
            "'re:...'; several times for several. The command sites lists them.",
            show_default=False,
        ),
    ],
    position: Position = "after",
    start: Annotated[
        catalog.Start,
        typer.Option(help="What the block does before it has learned."),
    ] = "identity",
    option: OptionWords = None,
    inputs: InputWords = None,
    settings: SettingWords = None,
    fitting: Fitting = False,
    out: Annotated[
        Path | None, typer.Option(help="Write the plan to this file, .yaml or .json.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Graft a block into a model, prove it, and print the plan with what it costs.

    The model is built with random weights, runs with the block, and is given up. What
    remains is the plan, to be applied in Python: fv.graft(model, Plan.load(path)).
    """
    options = options_of(option)
    with results_only():
        from foveate import profile, surgery

        host, example = load_model(model, settings, inputs)
        plan = surgery.plan(
            host,
            block,
            at=at,
            example=example,
            position=position,
            start=start,
            options=options,
        )
        _say_what_is_refused(plan, fitting)
        # a batch would cost as many times as much, with and without blocks
        shapes = [(1, *shape[1:]) for shape in example]
        alone = profile.count(host, *shapes)
        plan = surgery.graft(host, plan.fitting())
        added = profile.plan_cost(plan)
        together = profile.count(host, *shapes)
    if json:
        print_json(_plain(plan, alone, added, together))
    else:
        _print_plan(plan, alone, added)
        _print_totals(plan, alone, added, together)
    if out is not None:
        print_note(f"wrote the plan to {plan.save(out)}")


def _say_what_is_refused(plan: Plan, fitting: bool) -> None:
    """Print what was refused and why; it is an error unless it may be left out."""
    for each in plan.refused:
        print_note(f"{each.path}: {each.reason}")
    if plan.refused and not fitting:
        print_note(
            f"{len(plan.refused)} of {len(plan.refused) + len(plan.places)} layers "
            "cannot have the block. Name others with --at, or leave these out with "
            "--fitting."
        )
        raise typer.Exit(1)


def _print_plan(plan: Plan, alone: Cost, added: PlanCost) -> None:
    rows = [
        (
            place.where,
            place.block,
            place.start,
            ", ".join(map(str, place.maps)),
            f"{cost.parameters:,}",
            _share(cost.parameters, alone.parameters),
            f"{cost.macs:,}",
            _share(cost.macs, alone.macs),
        )
        for place, cost in zip(plan.places, added.places, strict=True)
    ]
    header = ("where", "block", "start", "channels x size", *NUMBERS)
    print_table(header, rows, numbers=NUMBERS)


def _print_totals(plan: Plan, alone: Cost, added: PlanCost, together: Cost) -> None:
    blocks = sum(len(place.maps) for place in plan.places)
    costs = {
        plan.host: alone,
        "1 block" if blocks == 1 else f"{blocks} blocks": added.total,
        f"{plan.host} with them": together,
    }
    rows = [
        (
            name,
            f"{cost.parameters:,}",
            "" if cost is alone else _share(cost.parameters, alone.parameters),
            f"{cost.macs:,}",
            "" if cost is alone else _share(cost.macs, alone.macs),
        )
        for name, cost in costs.items()
    ]
    print_table(("", *NUMBERS), rows, numbers=NUMBERS)


NUMBERS = ("parameters", "of host", "MACs", "of its MACs")


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.2%}" if whole else ""


def _plain(
    plan: Plan, alone: Cost, added: PlanCost, together: Cost
) -> dict[str, object]:
    return {
        "plan": plan.plain(),
        "cost": {
            "host": alone.plain(),
            "places": [cost.plain() for cost in added.places],
            "blocks": added.total.plain(),
            "together": together.plain(),
        },
    }
