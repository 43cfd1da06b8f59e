"""The report as a page: one file that asks the network for nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from foveate.errors import MissingExtraError
from foveate.records import Row, Summary
from foveate.report.curves import draw_curves
from foveate.report.forest import draw_differences, draw_scores
from foveate.report.gallery import embed_gallery
from foveate.report.grafts import (
    GRAFTS_HEADER,
    GRAFTS_NOTE,
    called,
    counted,
    list_grafts,
    plans_among,
    several,
)
from foveate.report.look_table import look_tables
from foveate.report.looks import tell_looks, tell_way
from foveate.report.numerals import count, join, percent, plural, signed
from foveate.report.scatter import CROWD, draw_parameters
from foveate.report.svg import kind_of
from foveate.report.table import table
from foveate.report.words import conclude

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["render_html"]

_STEPS = (0.005, 0.015, 0.03, 0.06)


class Cell(NamedTuple):
    """One cell of the table of classes: its text, and how deep its colour is."""

    text: str
    shade: str


def render_html(summary: Summary, folder: str | Path | None = None) -> str:
    """Return the report as one HTML file that needs no other.

    Args:
        summary: What a comparison found.
        folder: That of the comparison, in which the pictures of its gallery lie; the
            page has none without it.

    Raises:
        MissingExtraError: Jinja2 is not installed.
    """
    template = _create_environment().get_template("report.html.j2")
    return template.render(_collect(summary, folder))


def _create_environment() -> Environment:
    try:
        import jinja2
    except ImportError:
        raise MissingExtraError.of("compare", "jinja2") from None

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("foveate.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        count=count, join_words=join, percent=percent, plural=plural
    )
    environment.filters.update(breakable=_break_between, tight=_tighten)
    return environment


def _collect(summary: Summary, folder: str | Path | None) -> dict[str, Any]:
    """Return what the template shows."""
    recipe = summary.recipe
    header, cells = table(summary)
    are_plans = plans_among(summary)
    charts = bool(summary.rows)
    return {
        "summary": summary,
        "recipe": recipe,
        "told": conclude(summary),
        "scores": draw_scores(summary) if charts else None,
        "differences": draw_differences(summary) if charts else None,
        "parameters": draw_parameters(summary),
        "curves": draw_curves(summary),
        "header": header,
        "ranking": list(zip(summary.rows, cells, strict=True)),
        "crowd": len(summary.rows) > CROWD,
        "kinds": {kind_of(row) for row in summary.rows},
        "intervals": any(row.interval for row in summary.rows),
        "seconds": _span_seconds(summary),
        "classes": _compare_classes(summary),
        "grafts": list_grafts(summary),
        "grafts_header": GRAFTS_HEADER,
        "grafts_note": GRAFTS_NOTE,
        **_collect_looks(summary, folder),
        "tried": called(are_plans),
        "tried_several": several(are_plans),
        "tried_all": counted(are_plans),
        "recipe_text": recipe.yaml(),
        "kind": kind_of,
    }


def _collect_looks(summary: Summary, folder: str | Path | None) -> dict[str, Any]:
    """Return what the template shows of where networks look."""
    looks = summary.looks
    return {
        "looks_told": tell_looks(summary),
        "looks_way": tell_way(looks) if looks and looks.rows else "",
        "looks_tables": look_tables(looks) if looks else (),
        "gallery": embed_gallery(looks, folder),
    }


def _span_seconds(summary: Summary) -> list[str]:
    """Return the shortest and the longest mean time of a run, once if they agree."""
    seconds = sorted(row.seconds for row in summary.rows)
    return list(dict.fromkeys(f"{end:,.0f}" for end in (*seconds[:1], *seconds[-1:])))


def _compare_classes(summary: Summary) -> list[tuple[str, list[Cell]]]:
    """Return the classes of each row: of blocks as differences to the plain host."""
    plain = summary.plain_row
    return [
        (row.label, [_compare(row, plain, index) for index in range(len(own))])
        for row in summary.rows
        if (own := row.class_accuracy)
    ]


def _compare(row: Row, plain: Row | None, index: int) -> Cell:
    own = row.class_accuracy[index]
    if plain is None or row is plain or index >= len(plain.class_accuracy):
        return Cell(percent(own), "")
    difference = own - plain.class_accuracy[index]
    depth = sum(abs(difference) >= step for step in _STEPS)
    side = "more" if difference > 0 else "less"
    return Cell(signed(difference), f"{side}-{depth}" if depth else "")


def _break_between(text: str) -> str:
    """Return ``text`` as markup that breaks a line between its parts."""
    from markupsafe import Markup, escape

    parts = re.split(r"(?<=[.,])|(?<=\w\()", text)
    return Markup("<wbr>").join(escape(part) for part in parts)


def _tighten(text: str) -> str:
    """Return ``text`` with numbers that do not part from their unit."""
    return re.sub(r"(?<=\d) (?=%|±|points?\b|[kMGT]\b)", "\N{NO-BREAK SPACE}", text)
