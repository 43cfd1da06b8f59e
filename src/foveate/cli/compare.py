"""``foveate compare``: train what a recipe asks for and say what was found."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from foveate.cli._output import print_json
from foveate.cli._summary import print_summary

__all__ = ["compare"]


def compare(
    recipe: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RECIPE] [FIELD=VALUE]...",
            help="A recipe in YAML, or quickstart or fusions, which come with foveate; "
            "quickstart if not given. Then fields to set, such as training.epochs=4 or "
            "blocks.0.options.reduction=8.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the runs; runs/NAME if not given."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Processes that train; one a core if not given."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Train what is missing, print the ranking and write the report.

    A run that has finished is never trained again, so a comparison that was
    interrupted goes on where it stopped.
    """
    from foveate import study

    source, overrides = _split(recipe or [])
    summary = study.compare(
        source,
        overrides=overrides,
        folder=out,
        executor=study.LocalProcesses(workers),
    )
    folder = out or study.default_folder(summary.recipe)
    page = summary.report(folder / "report.html")
    if json:
        print_json(summary.plain())
    else:
        print_summary(summary, page)
    if summary.failures:
        raise typer.Exit(1)


def _split(words: list[str]) -> tuple[str | None, list[str]]:
    """Return the recipe, if there is one, and the overrides."""
    files = [word for word in words if "=" not in word or Path(word).exists()]
    if len(files) > 1:
        raise typer.BadParameter(
            f"one recipe at a time, got {' and '.join(files)}. Fields to set are "
            "written FIELD=VALUE."
        )
    return files[0] if files else None, [word for word in words if word not in files]
