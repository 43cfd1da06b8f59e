"""The command line: each command is a thin face of one Python call."""

from __future__ import annotations

import sys
from typing import Annotated, NoReturn

import typer

from foveate.cli.compare import compare
from foveate.cli.cost import cost
from foveate.cli.doctor import doctor
from foveate.cli.graft import graft
from foveate.cli.listing import list_blocks
from foveate.cli.look import look
from foveate.cli.report import report
from foveate.cli.show import show
from foveate.cli.sites import sites
from foveate.errors import FoveateError

__all__ = ["app", "main"]

app = typer.Typer(
    name="foveate",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Try any attention or fusion block in any vision model, and know whether it "
    "helped.",
)
app.command("list")(list_blocks)
app.command("show")(show)
app.command("sites")(sites)
app.command("graft")(graft)
app.command("cost")(cost)
app.command("compare")(compare)
app.command("report")(report)
app.command("look")(look)
app.command("doctor")(doctor)


@app.callback(invoke_without_command=True)
def _global_options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.")
    ] = False,
) -> None:
    if version:
        import foveate

        print(foveate.__version__)
        raise typer.Exit


def main() -> None:
    """Run the command line: exit 0 done, 1 our error in one line, 2 bad usage."""
    try:
        app()
    except FoveateError as problem:
        _fail(str(problem))
    except OSError as problem:
        _fail(f"{problem.filename}: {problem.strerror}.")


def _fail(reason: str) -> NoReturn:
    for line in reason.splitlines():
        print(f"foveate: {line}", file=sys.stderr)
    sys.exit(1)
