"""What the command cost reads and prints."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from foveate.cli._host import load_model
from foveate.cli._output import print_json, print_note, print_table
from foveate.errors import CostWarning, OptionError
from foveate.records import Overhead, Overheads, write_atomically
from foveate.report import (
    CostLine,
    cost_notes,
    cost_table,
    name_size,
    render_costs_csv,
)

if TYPE_CHECKING:
    from torch import nn

__all__ = [
    "load_host",
    "numbers_of",
    "print_costs",
    "say_what_is_done",
    "sizes_of",
    "warnings_as_notes",
]

SIZE = re.compile(r"([1-9]\d*)(?:x([1-9]\d*))?")
NUMBER = re.compile(r"[1-9]\d*")
WORDS = ("image", "batch", "network")


def sizes_of(text: str) -> list[tuple[int, int]]:
    """Return the heights and widths that are written ``224,320x480``."""
    sizes = []
    for word in _words_of(text):
        found = SIZE.fullmatch(word)
        if found is None:
            raise typer.BadParameter(
                f"--sizes is written 224,640 or 320x480 (height x width), got {word!r}."
            )
        sizes.append((int(found[1]), int(found[2] or found[1])))
    return sizes


def numbers_of(text: str) -> list[int]:
    """Return the numbers of images that are written ``1,8``."""
    words = _words_of(text)
    if not words or not all(map(NUMBER.fullmatch, words)):
        raise typer.BadParameter(f"--batch is written 1,8, got {text!r}.")
    return [int(word) for word in words]


def load_host(
    model: str, settings: Sequence[str] | None, device: str, dtype: str | None
) -> tuple[nn.Module, int, tuple[int, int]]:
    """Return a network where it is to run, and channels and size of its usual input."""
    import torch

    try:
        torch.zeros(1, device=device).cpu()
    except (AssertionError, NotImplementedError, RuntimeError) as problem:
        reason = str(problem).splitlines()[0].rstrip(".")
        raise OptionError(
            f"--device: cannot run on {device!r}: {reason}. cpu works anywhere."
        ) from None
    host, shapes = load_model(model, settings, None)
    precision = None if dtype is None else getattr(torch, dtype)
    _, channels, *size = shapes[0]
    return host.to(device=device, dtype=precision), channels, (size[0], size[1])


@contextmanager
def warnings_as_notes() -> Iterator[None]:
    """Print what is warned of on the second stream, once and in one line."""

    def show(
        message: Warning | str, category: type[Warning], *rest: Any, **named: Any
    ) -> None:
        if issubclass(category, CostWarning):
            # what Python calls budget_bytes is an option here
            print_note(str(message).replace("budget_bytes=", "--budget"))
        else:
            usual(message, category, *rest, **named)

    with warnings.catch_warnings():
        usual = warnings.showwarning
        warnings.simplefilter("always", CostWarning)
        warnings.showwarning = show
        yield


def say_what_is_done(row: Overhead) -> None:
    """Print a note of a row that was measured: the others may take their time."""
    what = "timed" if row.latency_share is not None else "followed"
    print_note(f"{what} {row.block} at {name_size(row.size)}, batch {row.batch}")


def print_costs(
    lines: Sequence[CostLine],
    found: Overheads | None,
    *,
    json: bool,
    csv: Path | None,
) -> None:
    """Print the table, or what is asked for in its place; notes go beside it.

    Args:
        lines: What to print.
        found: Where they are from; None for a network alone.
        json: Whether to print JSON.
        csv: A file for the values; ``-`` prints them.
    """
    if json:
        print_json(_plain(lines) if found is None else found.plain())
    elif str(csv) == "-":
        print(render_costs_csv(lines), end="")
    else:
        header, rows = cost_table(lines)
        print_table(header, rows, numbers=[n for n in header if n not in WORDS])
    if csv is not None and str(csv) != "-":
        print_note(
            f"wrote the values to {write_atomically(csv, render_costs_csv(lines))}"
        )
    for note in cost_notes(lines):
        print_note(note)


def _plain(lines: Sequence[CostLine]) -> dict[str, object]:
    return {
        "host": lines[0].name,
        "rows": [
            {
                "size": line.size,
                "batch": line.batch,
                "compiled": line.compiled,
                "cost": line.cost.plain(),
            }
            for line in lines
        ],
    }


def _words_of(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]
