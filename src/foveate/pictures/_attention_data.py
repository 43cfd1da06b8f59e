"""The tables of a page on attention: checked, thinned and packed."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from foveate._svg import printable
from foveate.errors import OptionError, ShapeError
from foveate.pictures._drawing import several
from foveate.pictures.heat_map import HeatMap
from foveate.pictures.seen import AttentionTable

__all__ = ["MOST_BYTES", "Table", "check", "encode", "heats_of", "pack", "thin"]

MOST_BYTES = 12_000_000
"""Tables that take more are thinned: a browser has to read all of it at once."""

_LEVELS = 255
_TABLE_DIMS = 3


class Table(NamedTuple):
    """Where some places look in one block."""

    name: str
    queries: NDArray[np.float32]
    values: NDArray[np.float32]


def check(tables: Sequence[AttentionTable]) -> list[Table]:
    """Return the tables of one image.

    Raises:
        OptionError: There are none, or they are of several images.
        ShapeError: A table is not ``(Q, h, w)`` with a query for each map.
    """
    images = sorted({table.image for table in tables})
    if len(images) == 1:
        return [_checked(table) for table in tables]
    came = f"tables of the images {images}" if images else "none"
    raise OptionError(
        "attention_page: tables must be those of one image, one or more, got "
        f"{came}. Pairwise blocks give them."
    )


def _checked(table: AttentionTable) -> Table:
    name = table.where or table.block
    shape, queries = table.values.shape, table.queries.shape
    if len(shape) != _TABLE_DIMS or 0 in shape or queries != (shape[0], 2):
        raise ShapeError(
            f"attention_page: the table of {name} must be (Q, h, w) with queries "
            f"(Q, 2), got {shape} and {queries}."
        )
    return Table(name, table.queries, table.values)


def thin(
    tables: Sequence[Table], most_bytes: int = MOST_BYTES
) -> tuple[list[Table], list[str]]:
    """Return tables with as many places as a page can hold, and what was left out."""
    ready, said = [], []
    for table in tables:
        lines = [np.unique(side, return_inverse=True)[1] for side in table.queries.T]
        kept, step = np.arange(len(table.queries)), 1
        most = max(most_bytes // len(tables) // table.values[0].size, 1)
        while len(kept) > most:
            step += 1
            # from the middle of the first step on, so that both edges lose as much
            starts = [min(step, int(line.max()) + 1) // 2 for line in lines]
            chosen = [
                line % step == start for line, start in zip(lines, starts, strict=True)
            ]
            kept = np.flatnonzero(chosen[0] & chosen[1])
        if step > 1:
            said.append(
                f"In {table.name} {several(len(kept), 'place')} of "
                f"{len(table.queries):,} can be chosen: every {step} rows and columns."
            )
        ready.append(Table(table.name, table.queries[kept], table.values[kept]))
    return ready, said


def heats_of(table: Table) -> list[HeatMap]:
    """Return a map for each place that looks.

    Raises:
        ShapeError: A value is not finite.
    """
    return [
        HeatMap(
            values=values,
            kind="share",
            source="attention",
            where=table.name,
            query=(float(query[0]), float(query[1])),
        )
        for query, values in zip(table.queries, table.values, strict=True)
    ]


def pack(table: Table) -> dict[str, Any]:
    """Return a table in 256 steps, each map from 0 to a highest value of its own."""
    peaks = table.values.max(axis=(1, 2)).astype("<f4")
    shares = table.values / np.where(peaks > 0, peaks, 1)[:, None, None]
    steps = np.rint(_LEVELS * shares).clip(0, _LEVELS).astype(np.uint8)
    return {
        "name": printable(table.name),
        "rows": table.values.shape[1],
        "columns": table.values.shape[2],
        "queries": [[round(float(x), 5) for x in query] for query in table.queries],
        "peaks": encode(peaks.tobytes()),
        "values": encode(steps.tobytes()),
    }


def encode(content: bytes) -> str:
    """Return bytes as text, in base 64."""
    return base64.b64encode(content).decode("ascii")
