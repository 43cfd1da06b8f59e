"""The ranking as a table of strings."""

from __future__ import annotations

from foveate.records import PLAIN, Row, Summary
from foveate.report.numerals import count, percent, points, shorten, signed
from foveate.report.numerals import signed_interval as ends

__all__ = ["HEADER", "table"]

HEADER = (
    "block",
    "accuracy (%)",
    "difference to plain (points)",
    "wins",
    "verdict",
    "parameters",
    "MACs",
)

_NONE = "\N{EN DASH}"


def table(summary: Summary) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return the ranking as a header and one tuple of strings a row.

    Accuracies have the half width of their 95 % interval, differences the interval
    that the verdict is read from, wins the number of pairs of the same seed.
    """
    return HEADER, [_write_row(row) for row in summary.rows]


def _write_row(row: Row) -> tuple[str, ...]:
    plain = row.label == PLAIN
    return (
        row.label,
        _write_mean(row),
        _write_difference(row),
        f"{row.wins}/{row.pairs}" if row.pairs and not plain else _NONE,
        "reference" if plain else row.verdict,
        count(row.parameters),
        shorten(row.macs),
    )


def _write_mean(row: Row) -> str:
    if row.interval is None:
        return percent(row.mean)
    return f"{percent(row.mean)} ± {points(row.interval.half_width)}"


def _write_difference(row: Row) -> str:
    if row.family is None:
        return _NONE
    return f"{signed(row.family.estimate)} ({ends(row.family)})"
