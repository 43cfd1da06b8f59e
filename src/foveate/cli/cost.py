"""``foveate cost``: what a model costs, and what blocks add to it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from foveate import catalog, report
from foveate.cli._costs import (
    load_host,
    numbers_of,
    print_costs,
    say_what_is_done,
    sizes_of,
    warnings_as_notes,
)
from foveate.cli._host import Model, SettingWords
from foveate.cli._output import print_note, results_only
from foveate.cli._words import Fitting, OptionWords, Position, options_of
from foveate.report import CostLine

__all__ = ["cost"]

Precision = Literal["float64", "float32", "float16", "bfloat16"]

GIB = 2**30
MOST_GIB = 1e6


def cost(
    model: Model,
    *,
    blocks: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help="What to graft, each by itself: se,cbam.keras,path/to/file.py:Class. "
            "If not given, the cost is that of the model alone.",
        ),
    ] = "",
    at: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN",
            help="Which layers get the block, as for the command graft: 'layer4', "
            "'**.bn2', 'stage:-1'; several times for several.",
        ),
    ] = None,
    sizes: Annotated[
        str,
        typer.Option(
            metavar="SIZES",
            help="Of the images: 224,640 or 320x480,640x960; the usual one of the "
            "model if not given.",
        ),
    ] = "",
    batch: Annotated[
        str, typer.Option(metavar="NUMBERS", help="How many images at once: 1,8.")
    ] = "1",
    dtype: Annotated[
        Precision | None,
        typer.Option(help="The precision; that of the model if not given."),
    ] = None,
    device: Annotated[
        str, typer.Option(metavar="DEVICE", help="Where to run: cpu, cuda, cuda:1.")
    ] = "cpu",
    compiled: Annotated[
        bool, typer.Option("--compile", help="Time it under torch.compile.")
    ] = False,
    position: Position = "after",
    start: Annotated[
        catalog.Start,
        typer.Option(help="How blocks begin; identity adds a blend, which costs too."),
    ] = "identity",
    option: OptionWords = None,
    fitting: Fitting = False,
    settings: SettingWords = None,
    seconds: Annotated[
        float, typer.Option(min=0.001, help="How long to time each pair, at least.")
    ] = 2.0,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of the CPU; all if not given.")
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=MOST_GIB,
            metavar="GIB",
            help="What would hold more memory than this is not run; half of what is "
            "free if not given.",
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    csv: Annotated[
        Path | None,
        typer.Option(help="Write values to this file; - prints them, and no table."),
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(help="Draw the latency added to this file, .svg or .html."),
    ] = None,
) -> None:
    """Measure what a model costs, and what each block adds to it.

    Parameters, work, latency and memory. The model has random weights. It runs in
    turns with a block and without, so that what else the machine does slows both.
    """
    names = [name.strip() for name in blocks.split(",") if name.strip()]
    images, batches = sizes_of(sizes), numbers_of(batch)
    options = options_of(option)
    _check_together(names, at, picture, json=json, csv=csv)
    measuring: dict[str, Any] = {
        "compile": compiled,
        "seconds": seconds,
        "threads": threads,
        "budget_bytes": None if budget is None else int(budget * GIB),
    }
    found = None
    with results_only(), warnings_as_notes():
        from foveate import profile

        host, channels, usual = load_host(model, settings, device, dtype)
        images = images or [usual]
        if names:
            found = profile.overheads(
                host,
                names,
                at=at or [],
                sizes=images,
                batches=batches,
                channels=channels,
                position=position,
                start=start,
                options=options,
                fitting=fitting,
                listen=say_what_is_done,
                **measuring,
            )
        else:
            lines = [
                CostLine(
                    type(host).__name__,
                    size,
                    number,
                    profile.cost(host, (number, channels, *size), **measuring),
                    compiled=compiled,
                )
                for size in images
                for number in batches
            ]
    if found is not None:
        lines = report.list_costs(found)
    print_costs(lines, found, json=json, csv=csv)
    if picture is not None and found is not None:
        print_note(f"wrote the picture to {report.write_picture(found, picture)}")


def _check_together(
    names: Sequence[str],
    at: Sequence[str] | None,
    picture: Path | None,
    *,
    json: bool,
    csv: Path | None,
) -> None:
    """Refuse options that contradict each other, before anything is measured."""
    if names and not at:
        raise typer.BadParameter(
            "--blocks needs --at: which layers get them. The command sites lists them."
        )
    if at and not names:
        raise typer.BadParameter("--at needs --blocks: what to graft there.")
    if picture is not None:
        if not names:
            raise typer.BadParameter("--picture shows what --blocks add: name some.")
        report.check_picture(picture)
    if json and str(csv) == "-":
        raise typer.BadParameter("--json and --csv - both print: choose one.")
