"""Print tables for people, JSON for programs, and all else beside them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any, Literal

__all__ = [
    "names_shown",
    "print_json",
    "print_note",
    "print_table",
    "results_only",
]


@contextmanager
def results_only() -> Iterator[None]:
    """Send what libraries and the user's code print to the other stream.

    Ultralytics, for one, tells on its import where it keeps its settings.
    """
    with redirect_stdout(sys.stderr):
        yield


@contextmanager
def names_shown() -> Iterator[Callable[[str], None]]:
    """Lend a function that shows on the other stream what is being worked on.

    Nothing is shown where that is no terminal.
    """
    from rich.console import Console
    from rich.markup import escape

    console = Console(stderr=True)
    with console.status("") as status:
        yield lambda name: status.update(escape(name))


def print_note(text: str) -> None:
    """Print what is no result."""
    print(f"foveate: {text}", file=sys.stderr)


def print_json(values: Any) -> None:
    """Print plain values as JSON."""
    print(json.dumps(values, indent=2, ensure_ascii=False))


def print_table(
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numbers: Sequence[str] = (),
) -> None:
    """Print rows in columns; where the output is no terminal, nothing is cut.

    Args:
        header: The name of each column.
        rows: Their cells.
        numbers: The columns that stand at the right of theirs.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = 240
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in header:
        side: Literal["left", "right"] = "right" if name in numbers else "left"
        table.add_column(name, overflow="fold", justify=side)
    for row in rows:
        table.add_row(*row)
    console.print(table)
