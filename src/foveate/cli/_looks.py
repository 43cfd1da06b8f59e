"""What the command look does once it knows what is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer

from foveate.cli._output import (
    names_shown,
    print_json,
    print_note,
    print_table,
    results_only,
)

if TYPE_CHECKING:
    from torch import nn

    from foveate.explain.cams import Method
    from foveate.pictures import Maps

__all__ = [
    "Output",
    "is_random",
    "look_at_test_images",
    "look_with_model",
    "look_with_runs",
]


@dataclass(frozen=True)
class Output:
    """What is written where.

    Attributes:
        folder: For the files.
        formats: Of them.
        scale: Of the colours.
        json: Whether to print JSON.
    """

    folder: Path
    formats: Sequence[str]
    scale: Literal["shared", "each"]
    json: bool

    def save(self, maps: Maps, folder: Path, title: str) -> None:
        """Write what was seen."""
        maps.save(folder, formats=self.formats, scale=self.scale, title=title)


def look_with_model(
    name: str,
    images: Sequence[str],
    asked: Mapping[str, Any],
    output: Output,
    *,
    options: Mapping[str, Any],
    weights: Path | None,
) -> None:
    """Look at images with a model."""
    with results_only():
        from foveate import explain, hosts, pictures, surgery

        pictures.check_formats(output.formats)
        model = _load(name, options)
        title = f"Where {name} looks"
        if weights is None:
            if is_random(name):
                title += ", with random weights"
                print_note(
                    f"{name} has random weights, so its maps show what it is built "
                    "like, not what it has learned. For that give --weights FILE."
                )
        elif surgery.has_plan(weights):
            surgery.load(model, weights)
        else:
            hosts.load_weights(model, weights)
        with names_shown() as listen:
            maps = explain.look(model, images, **asked, listen=listen)
        output.save(maps, output.folder, title)
    _tell({name: maps}, asked, output)


def _load(name: str, options: Mapping[str, Any]) -> nn.Module:
    """Return the network; a folder of that name may have been meant instead."""
    from foveate import hosts
    from foveate.errors import UnknownNameError

    try:
        return hosts.load(name, **options)
    except UnknownNameError:
        if not Path(name).is_dir():
            raise
        raise UnknownNameError(
            f"{name} is neither a network nor the folder of a comparison, in which "
            "`foveate compare` writes a grid.json. Name one of these, then the images."
        ) from None


def is_random(name: str) -> bool:
    """Return whether a network of that name is known to come with random weights."""
    library, colon, rest = name.partition(":")
    if library == "ultralytics":
        return not rest.endswith(".pt")
    # what a function of the user returns may have learned
    return not colon or library in {"timm", "torchvision", "smp"}


def look_with_runs(
    runs: Path, images: Sequence[str], asked: Mapping[str, Any], output: Output
) -> None:
    """Look at images with every network of a comparison."""
    with results_only():
        from foveate import pictures, study
        from foveate.pictures.files import safe_name

        pictures.check_formats(output.formats)
        # the plain network has no blocks, and need not be told to graft one
        wanted = {**asked, "blocks": None} if asked["blocks"] else asked
        with names_shown() as listen:
            seen = study.look_at(runs, images, **wanted, listen=listen)
        for label, maps in seen.items():
            folder = output.folder / safe_name(label, longest=200)
            output.save(maps, folder, f"Where {label} looks")
        title = f"Where the networks of {runs.resolve().name} look, first seed"
        grid = pictures.side_by_side(seen, title=title, scale=output.scale)
        for ending in {*output.formats} & {"png", "svg"}:
            pictures.save_grid(grid, output.folder / f"grid.{ending}")
    _tell(seen, asked, output)


def look_at_test_images(
    runs: Path, cam: Method, layers: Sequence[str] | None, *, json: bool
) -> None:
    """Look at the test images of a comparison with every network of it."""
    with results_only():
        from foveate import report, study

        looks = study.look(runs, cam=cam, target_layers=layers)
        summary = study.open_comparison(runs)
        page = summary.report(runs / "report.html")
    if json:
        print_json(looks.plain())
        return
    for table in report.look_tables(looks):
        print_table(table.header, [line.cells for line in table.lines])
    print(" ".join(report.tell_looks(summary)))
    print(f"\n{page}")


def _tell(seen: Mapping[str, Maps], asked: Mapping[str, Any], output: Output) -> None:
    """Print what was seen, and what could not be; the latter is an error."""
    maps = next(iter(seen.values()))
    if output.json:
        print_json({label: maps.plain() for label, maps in seen.items()})
    else:
        for label, each in seen.items():
            # what could not be seen has its lines below
            said = replace(each, unread=())
            print(f"{label}:\n{said}" if len(seen) > 1 else said)
    if asked["places"] and not any(each.tables for each in seen.values()):
        print_note("no block is pairwise, so there is no page to click in.")
    for unread in maps.unread:
        print_note(unread.reason)
    print_note(f"wrote {output.folder}/")
    if maps.unread:
        raise typer.Exit(1)
