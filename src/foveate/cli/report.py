"""``foveate report``: render what the runs in a folder say."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from foveate.cli._output import print_json
from foveate.cli._summary import print_summary

__all__ = ["report"]


def report(
    folder: Annotated[
        Path, typer.Argument(help="A folder that compare has written.")
    ] = Path("runs/quickstart"),
    out: Annotated[
        Path | None,
        typer.Option(help="The report: .html, .md or .csv; FOLDER/report.html."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Render the runs of a comparison, finished or not; nothing is trained."""
    from foveate import study

    summary = study.open_comparison(folder)
    page = summary.report(out or folder / "report.html")
    if json:
        print_json(summary.plain())
    else:
        print_summary(summary, page)
