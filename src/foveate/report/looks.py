"""Say in plain English where the networks of a comparison look."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from foveate.records import PLAIN, LookRow, Looks, Summary
from foveate.report.grafts import called, plans_among
from foveate.report.look_table import METHODS
from foveate.report.numerals import (
    correlation,
    join,
    percent,
    plural,
    points,
    unsigned_interval,
)

__all__ = ["tell_looks", "tell_way"]

_MOST_LABELS = 8


def tell_looks(summary: Summary) -> tuple[str, ...]:
    """Return what was found of where networks look, in sentences."""
    looks = summary.looks
    if looks is None:
        return ()
    if looks.problem:
        return (f"The networks were not looked at: {looks.problem}",)
    return (
        *_tell_plain(looks),
        *_tell_floors(looks),
        *_tell_moves(summary, looks),
        *_tell_agreement(looks),
        *_tell_empty(looks),
        *_tell_unseen(looks),
    )


def tell_way(looks: Looks) -> str:
    """Return how maps were made: the method, the layer and the question."""
    method = METHODS.get(looks.method, looks.method)
    return (
        f"{method} at {looks.reason or looks.layer}; the same place in every network. "
        "The question is always the true class, also where the network names another."
    )


def _tell_plain(looks: Looks) -> list[str]:
    row = looks.row(PLAIN)
    energy = row.score("energy") if row else None
    if energy is None:
        return []
    random = looks.random.score("energy") if looks.random else None
    told = [
        f"In the plain host, {percent(energy.mean)} % of a map's energy lies inside "
        f"the digit's box, on average over {plural(looks.images, 'test image')} and "
        f"{plural(len(energy.values), 'seed')}."
    ]
    floors = []
    if energy.chance is not None:
        floors.append(f"the boxes of other images hold {percent(energy.chance)} %")
    if random is not None:
        floors.append(
            f"with random weights the digit's own box holds {percent(random.mean)} %"
        )
    if floors:
        told.append(f"For comparison: {join(floors)}.")
    return told


def _tell_floors(looks: Looks) -> list[str]:
    """Say which networks look at the digit more than by chance."""
    known = {row.label: _is_above(row) for row in looks.rows}
    if None in known.values():
        return [
            "With one seed it is not known how far above chance that is: a difference "
            "may come from the seed alone."
        ]
    above = [label for label, beyond in known.items() if beyond]
    below = [label for label, beyond in known.items() if not beyond]
    if not below:
        return [
            "Every network looks at the digit more than by chance, and more than with "
            "random weights: the 95 % intervals of the differences leave out zero."
        ]
    if not above:
        return [
            "No network can be told to look at the digit more than by chance and more "
            "than with random weights."
        ]
    return [
        f"{_list(above)} look at the digit more than by chance and more than with "
        f"random weights; for {_list(below)} that cannot be told."
    ]


def _is_above(row: LookRow) -> bool | None:
    """Return whether a network beats both floors, or None if that is not known."""
    energy = row.score("energy")
    if energy is None or energy.over_chance is None:
        return None
    floors = [energy.over_chance, energy.over_random]
    return all(floor.low > 0 for floor in floors if floor is not None)


def _tell_moves(summary: Summary, looks: Looks) -> list[str]:
    """Say which blocks change how much of a map lies on the digit."""
    rows = [row for row in looks.rows if row.label != PLAIN]
    told = []
    for verdict, word in (("better", "more"), ("worse", "less")):
        by = [
            f"{row.label} by {points(energy.family.estimate)} points (interval "
            f"{unsigned_interval(energy.family)})"
            for row in rows
            if (energy := row.score("energy"))
            and energy.family
            and energy.verdict == verdict
        ]
        if by:
            told.append(
                f"Inside the box lies {word} than in the plain host: {join(by)}."
            )
    decided = any((energy := row.score("energy")) and energy.family for row in rows)
    if told or not decided:
        return told
    tried = called(plans_among(summary))
    return [f"No {tried} can be told to change that beyond what a change of seed does."]


def _tell_agreement(looks: Looks) -> list[str]:
    row = looks.row(PLAIN)
    if row is None or row.agreement is None:
        return []
    others = [
        other.agreement
        for other in looks.rows
        if other.label != PLAIN and other.agreement is not None
    ]
    beside = (
        f"; with a block it is {correlation(fmean(others))} on average"
        if others
        else ""
    )
    return [
        "Two seeds of the plain host agree on what is special to an image with a rank "
        f"correlation of {correlation(row.agreement)}, where 1 are the same places and "
        f"0 unrelated ones{beside}."
    ]


def _tell_empty(looks: Looks) -> list[str]:
    empty = [row for row in looks.rows if row.empty]
    if not empty:
        return []
    number = sum(row.empty for row in empty)
    return [
        f"{plural(number, 'map')} of {_list([row.label for row in empty])} "
        f"{'is' if number == 1 else 'are'} zero everywhere: nothing at that layer "
        "speaks for the class. Such a map scores as an evenly spread one."
    ]


def _tell_unseen(looks: Looks) -> list[str]:
    if not looks.unseen:
        return []
    first, more = looks.unseen[0], len(looks.unseen) - 1
    rest = f" {plural(more, 'more run')} could not be either." if more else ""
    return [f"{first.title} could not be looked at: {first.reason}{rest}"]


def _list(labels: Sequence[str]) -> str:
    return join(labels, most=_MOST_LABELS)
