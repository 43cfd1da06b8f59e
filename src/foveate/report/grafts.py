"""What was grafted where, and how far it has moved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from foveate import catalog
from foveate.records import MOST_LOOKED_AT, GraftedBlock, Summary, name_places
from foveate.report.numerals import plural

__all__ = [
    "GRAFTS_HEADER",
    "GRAFTS_NOTE",
    "GraftCells",
    "called",
    "counted",
    "list_grafts",
    "plans_among",
    "several",
]

GRAFTS_HEADER = ("plan", "block", "kind", "paper", "where", "start", "let in", "moved")

GRAFTS_NOTE = (
    "Let in: how much of its block a blend has learned to let in, the mean over "
    "channels; 0 is the host without it, 1 the block as its paper has it. Moved: by "
    f"what share the block changes its map, on up to {MOST_LOOKED_AT} test images. "
    "Both are means over seeds, after training. That a block has moved does not say "
    "that it helps."
)

_NONE = "\N{EN DASH}"


class GraftCells(NamedTuple):
    """A line of the table of grafts, in words."""

    block: str
    kind: str
    paper: str
    link: str
    where: str
    start: str
    let_in: str
    moved: str


def list_grafts(summary: Summary) -> list[tuple[str, list[GraftCells]]]:
    """Return the label of each plan with a line for each of its blocks."""
    return [
        (row.label, list(map(_describe, row.grafts, name_places(row.grafts))))
        for row in summary.rows
        if row.grafts
    ]


def called(are_plans: Iterable[bool]) -> str:
    """Return what one of several contenders is.

    Example:
        >>> called([False]), called([True, True]), called([True, False])
        ('block', 'plan', 'block or plan')
    """
    return " or ".join(sorted({"plan" if plan else "block" for plan in are_plans}))


def several(are_plans: Iterable[bool]) -> str:
    """Return what contenders are together.

    Example:
        >>> several([False]), several([True, True]), several([True, False])
        ('blocks', 'plans', 'blocks and plans')
    """
    return f"{called(are_plans).replace(' or ', 's and ')}s"


def counted(are_plans: Sequence[bool]) -> str:
    """Return how many contenders there are, and what they are.

    Example:
        >>> counted([False]), counted([True, True]), counted([True, False])
        ('1 block', '2 plans', '2 blocks and plans')
    """
    return plural(len(are_plans), called(are_plans), many=several(are_plans))


def plans_among(summary: Summary) -> list[bool]:
    """Return of each contender whether it is a plan."""
    recipe = summary.recipe
    return [choice in recipe.plans for choice in recipe.contenders]


def _shorten(authors: str) -> str:
    """Return the surname of the first author, and whether there are more.

    Example:
        >>> _shorten("Jie Hu, Li Shen, Gang Sun")
        'Hu et al.'
    """
    first, *others = authors.split(", ")
    surname = first.rpartition(" ")[2]
    return f"{surname} et al." if others else surname


def _describe(graft: GraftedBlock, where: str) -> GraftCells:
    kind, paper, link = _NONE, _NONE, ""
    if ":" not in graft.block:
        card = catalog.card(graft.block)
        kind, paper = card.kind, f"{_shorten(card.paper.authors)} ({card.paper.year})"
        link = card.paper.link
    return GraftCells(
        block=graft.block.rpartition(":")[2],
        kind=kind,
        paper=paper,
        link=link,
        where=where,
        start=graft.start,
        let_in=_NONE if graft.amount is None else f"{graft.amount:.3f}",
        moved=_NONE if graft.moved is None else f"{100 * graft.moved:.1f} %",
    )
