"""Say in plain English what a comparison found, and what it could not find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import median

from foveate.records import MOST_SEEDS, PLAIN, Row, Summary
from foveate.report.caveats import list_caveats
from foveate.report.grafts import called, counted, plans_among, several
from foveate.report.numerals import (
    join,
    percent,
    plural,
    points,
    unsigned_interval,
)

__all__ = ["Conclusion", "conclude", "conclusion"]


_MOST_LABELS = 8


@dataclass(frozen=True)
class Conclusion:
    """The sentences of a conclusion, by what they speak of.

    Attributes:
        noise: How much the plain host moves when only the seed changes.
        found: What can be concluded.
        open: What cannot, and why.
        caveats: What to bear in mind.
    """

    noise: tuple[str, ...]
    found: tuple[str, ...]
    open: tuple[str, ...]
    caveats: tuple[str, ...]


def conclusion(summary: Summary) -> tuple[str, ...]:
    """Return what was found in sentences: the noise first, the caveats last."""
    parts = conclude(summary)
    return (*parts.noise, *parts.found, *parts.open, *parts.caveats)


def conclude(summary: Summary) -> Conclusion:
    """Return what was found, sorted by what the sentences speak of."""
    return Conclusion(
        noise=tuple(_tell_noise(summary)),
        found=tuple(_tell_found(summary)),
        open=tuple(_tell_open(summary)),
        caveats=list_caveats(summary),
    )


def _tell_noise(summary: Summary) -> list[str]:
    host, plain, noise = summary.recipe.host.title, summary.plain_row, summary.noise
    if plain is None or noise is None:
        return [f"The plain {host} has no finished run."]
    score = f"The plain {host} scored {percent(plain.mean)} %"
    if noise.sd is None:
        return [
            f"{score} with one seed.",
            "How much this moves from seed to seed was not measured.",
        ]
    if noise.low == noise.high:
        moved = "Changing the seed did not change this score."
    else:
        moved = (
            f"Changing only the seed moved it between {percent(noise.low)} % and "
            f"{percent(noise.high)} % (standard deviation {points(noise.sd)} points)."
        )
    return [f"{score} on average over {plural(len(plain.scores), 'seed')}.", moved]


def _tell_found(summary: Summary) -> list[str]:
    rows = [row for row in summary.block_rows if row.family is not None]
    told = [
        sentence
        for verdict, word in (("better", "higher"), ("worse", "lower"))
        if (sentence := _tell_scored(rows, verdict, word))
    ]
    if told:
        many = sum(row.verdict != "cannot tell" for row in rows) > 1
        told.append(_tell_level(summary, many=many))
    tried = called(plans_among(summary))
    if not told and len(rows) > 1:
        told.append(f"No {tried} can be told apart from the plain host.")
    return told


def _tell_level(summary: Summary, *, many: bool) -> str:
    if len(summary.recipe.contenders) == 1:
        return "This interval holds at 95 %."
    tried = several(plans_among(summary))
    these = "These intervals are" if many else "This interval is"
    return (
        f"{these} widened so that those of all {tried} together hold at 95 % "
        "(Bonferroni)."
    )


def _tell_scored(rows: Sequence[Row], verdict: str, word: str) -> str:
    by = [
        f"by {points(row.family.estimate)} points "
        f"(interval {unsigned_interval(row.family)})"
        for row in rows
        if row.verdict == verdict and row.family
    ]
    told = [row for row in rows if row.verdict == verdict]
    labels = [row.label for row in told]
    are_plans = [bool(row.grafts) for row in told]
    if not labels:
        return ""
    if len(labels) == 1:
        one = f"{called(are_plans)} {labels[0]}"
        return f"The {one} scored {word} than the plain host, {by[0]}."
    each = [f"{label} {how}" for label, how in zip(labels, by, strict=True)]
    return f"{counted(are_plans)} scored {word} than the plain host: {join(each)}."


def _tell_open(summary: Summary) -> list[str]:
    if summary.plain_row is None:
        return [
            f"There is nothing to compare the {several(plans_among(summary))} with, "
            "so nothing can be concluded about any of them."
        ]
    rows = summary.block_rows
    undecided = [row for row in rows if row.family and row.verdict == "cannot tell"]
    told = list(
        chain(
            _tell_undecided(undecided),
            _tell_resolution(rows, undecided),
            _tell_seeds_needed(undecided),
        )
    )
    unpaired = [row.label for row in rows if row.family is None]
    finished = {PLAIN, *(row.label for row in rows)}
    absent = [
        choice.label
        for choice in summary.recipe.contenders
        if choice.label not in finished
    ]
    if len(summary.recipe.seeds) == 1:
        told.append(
            "With one seed nothing can be concluded about any "
            f"{called(plans_among(summary))}: "
            "a difference may come from the seed alone."
        )
    elif unpaired:
        told.append(
            f"For {_list(unpaired)} nothing can be concluded: fewer than two seeds "
            "are shared with the plain host."
        )
    if absent:
        told.append(f"For {_list(absent)} nothing can be concluded: no run finished.")
    return told


def _tell_undecided(undecided: Sequence[Row]) -> list[str]:
    if not undecided:
        return []
    owner = "its difference" if len(undecided) == 1 else "their difference"
    return [
        f"For {_list([row.label for row in undecided])} nothing can be concluded: "
        f"the interval of {owner} to the plain host includes zero."
    ]


def _tell_resolution(rows: Sequence[Row], undecided: Sequence[Row]) -> list[str]:
    """Say which differences these seeds could have told apart."""
    if not undecided:
        return []
    least = median(row.family.half_width for row in rows if row.family)
    if points(least) == "0.0":
        return []
    if least >= 1:
        return ["With so few seeds no difference could have been told apart from zero."]
    fewest = min(row.pairs for row in undecided)
    most = max(row.pairs for row in undecided)
    seeds = f"{most} seeds" if fewest == most else f"{fewest} to {most} seeds"
    return [
        f"With {seeds}, typically only differences of about {points(least)} points "
        "or more could have been told apart from zero."
    ]


def _tell_seeds_needed(undecided: Sequence[Row]) -> list[str]:
    """Say how many seeds would decide, if means and spreads stay as they are."""
    reachable = sorted(
        (row.seeds_needed, row.label) for row in undecided if row.seeds_needed
    )
    if not reachable:
        return []
    needs = [f"{label} {number}" for number, label in reachable]
    needs[0] = "{1} would need {0} seeds".format(*reachable[0])
    told = f"If means and spreads stay as they are, {_list(needs)} to be told apart"
    beyond = [row.label for row in undecided if not row.seeds_needed]
    if beyond:
        told += f"; {_list(beyond)} more than {MOST_SEEDS}"
    return [f"{told}."]


def _list(labels: Sequence[str]) -> str:
    return join(labels, most=_MOST_LABELS)
