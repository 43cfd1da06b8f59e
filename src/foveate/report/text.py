"""The report as Markdown, and its scores as comma-separated values."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable

from foveate.records import LOOK_METRICS, Summary
from foveate.report.grafts import GRAFTS_HEADER, GRAFTS_NOTE, list_grafts
from foveate.report.look_table import look_tables, values_of
from foveate.report.looks import tell_looks, tell_way
from foveate.report.table import table
from foveate.report.words import conclude

__all__ = ["render_csv", "render_markdown"]

_COLUMNS = (
    "label",
    "block",
    "seed",
    "accuracy",
    "difference_to_plain",
    "parameters",
    "macs",
    "mean_seconds",
)


def render_csv(summary: Summary) -> str:
    """Return one line per block and seed, with a header.

    Accuracies are shares from 0 to 1. ``difference_to_plain`` is that of the same
    seed, empty where the plain host has no such run. ``mean_seconds`` is the mean
    over the seeds of the block. The block of the plain host is empty. Where somebody
    has looked at the networks, what was measured of their maps follows, as shares.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    looks = summary.looks if summary.looks and summary.looks.rows else None
    metrics = LOOK_METRICS if looks else ()
    writer.writerow((*_COLUMNS, *metrics))
    plain = summary.plain_row.scores if summary.plain_row else {}
    for row in summary.rows:
        for seed, score in sorted(row.scores.items()):
            # Rounded only so far that 0.85 - 0.84 is 0.01.
            paired = round(score - plain[seed], 12) if seed in plain else None
            cost = (row.parameters, row.macs, row.seconds)
            seen = values_of(looks, row.label, seed)
            measured = [seen.get(metric) for metric in metrics]
            line = (row.label, row.block, seed, score, paired, *cost, *measured)
            writer.writerow(line)
    return file.getvalue()


def render_markdown(summary: Summary) -> str:
    """Return the conclusion, the ranking and the recipe as Markdown."""
    told = conclude(summary)
    header, rows = table(summary)
    parts = [f"# {_escape(summary.recipe.name)}"]
    parts += [
        _escape(" ".join(sentences))
        for sentences in (told.noise, told.found, told.open)
        if sentences
    ]
    parts.append("\n".join(f"- {_escape(caveat)}" for caveat in told.caveats))
    if rows:
        alignment = [":--" if n in (0, 4) else "--:" for n in range(len(header))]
        lines = (map(_escape, header), alignment, *(map(_escape, row) for row in rows))
        parts += ["## Ranking", "\n".join(_write_line(cells) for cells in lines)]
    parts += _tell_grafts(summary)
    parts += _tell_looks(summary)
    if summary.failures:
        parts += ["## Runs that broke", "\n".join(_list_failures(summary))]
    parts += ["## Recipe", _fence(summary.recipe.yaml())]
    return "\n\n".join(parts) + "\n"


def _tell_grafts(summary: Summary) -> list[str]:
    """Return the table of what was grafted where, under its title; none without."""
    lines = [
        (label, cells.block, cells.kind, cells.paper, *cells[4:])
        for label, grafts in list_grafts(summary)
        for cells in grafts
    ]
    if not lines:
        return []
    alignment = [":--"] * 6 + ["--:"] * 2
    all_lines = (GRAFTS_HEADER, alignment, *(map(_escape, line) for line in lines))
    written = "\n".join(_write_line(cells) for cells in all_lines)
    return ["## Grafts", written, GRAFTS_NOTE]


def _tell_looks(summary: Summary) -> list[str]:
    """Return what was measured of where networks look, under its title."""
    told = tell_looks(summary)
    if summary.looks is None or not told:
        return []
    parts = ["## Where it looks", _escape(" ".join(told))]
    if summary.looks.rows:
        parts.append(_escape(tell_way(summary.looks)))
    for part in look_tables(summary.looks):
        alignment = [":--"] + ["--:"] * (len(part.header) - 1)
        lines = (map(_escape, line.cells) for line in part.lines)
        written = "\n".join(map(_write_line, (part.header, alignment, *lines)))
        parts += [f"### {part.title}", written, _escape(part.note)]
    return parts


def _write_line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _list_failures(summary: Summary) -> list[str]:
    return [
        f"- {_escape(f'{failure.title}: {failure.reason}')}"
        for failure in summary.failures
    ]


def _fence(text: str) -> str:
    """Return ``text`` as a block of code, behind a fence longer than any in it."""
    ticks = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{ticks}yaml\n{text}{ticks}"


def _escape(text: str) -> str:
    """Return ``text`` on one line, with nothing that Markdown would read as markup."""
    text = " ".join(text.split())
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|~#])", r"\\\1", text)
