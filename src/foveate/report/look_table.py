"""What was measured of the maps of a comparison, as tables of strings."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from foveate.records import PLAIN, LookMetric, LookRow, Looks, LookScore
from foveate.report.numerals import (
    correlation,
    count,
    percent,
    points,
    signed,
    signed_interval,
)

__all__ = ["METHODS", "Line", "LookTable", "look_tables", "values_of"]

METHODS = {
    "gradcam": "Grad-CAM",
    "gradcam++": "Grad-CAM++",
    "layercam": "LayerCAM",
    "eigencam": "Eigen-CAM",
    "scorecam": "Score-CAM",
    "saliency": "Saliency",
}
"""What people call the methods."""

_NONE = "\N{EN DASH}"

_VERDICTS = {"better": "more", "worse": "less", "cannot tell": "cannot tell"}

_ON_OBJECT = (
    "block",
    "energy in the box (%)",
    "difference to plain (points)",
    "verdict",
    "by chance (%)",
    "pointing (%)",
    "IoU (%)",
)

_ON_ANSWER = (
    "block",
    "insertion (%)",
    "deletion (%)",
    "ROAD (points)",
    "agreement of seeds",
)

_ABOUT_OBJECT = (
    "Energy: the share of a map inside the digit's box. By chance: the share of the "
    "same maps inside the boxes of the other images. Pointing: how often the highest "
    "place is inside. IoU: how far as many of the highest places as the box has are "
    "the box. Means over seeds ± half the width of their 95 % interval. In brackets "
    "the interval that is widened so that those of all blocks hold together; the "
    "verdict is read from it. Where the other columns can be told from the plain host "
    "by the same rule, column by column, they say higher or lower: of so many, one may "
    "do so by luck. More in the box is not a higher accuracy, and a box holds ground "
    "as well as ink."
)

_ABOUT_ANSWER = (
    "Insertion: the probability of the class, in the mean, while the image appears "
    "from the highest places of the map on; high is good. Deletion: while it vanishes; "
    "low is good. ROAD: how much more is lost with the highest places than with the "
    "lowest, when they are painted over; 0 is what a random map gets. All three also "
    "follow how sure a network is on images that lack a part, so they compare maps of "
    "one network better than networks. Agreement: the rank correlation of the maps of "
    "two seeds, beyond what all maps of a network share: 1 are the same places, 0 "
    "unrelated ones."
)


class Line(NamedTuple):
    """One line of a table: its cells, and how its verdict is coloured."""

    kind: str
    cells: tuple[str, ...]


class LookTable(NamedTuple):
    """A table with its title.

    Attributes:
        title: What it measures.
        header: The names of its columns.
        lines: One a block; that of the plain host first.
        verdict: Which column is coloured by ``Line.kind``; -1 if none.
        note: What its columns are.
    """

    title: str
    header: tuple[str, ...]
    lines: tuple[Line, ...]
    verdict: int
    note: str


def look_tables(looks: Looks) -> tuple[LookTable, ...]:
    """Return the tables of what was measured; none if nothing was."""
    if not looks.rows:
        return ()
    rows = [*looks.rows, *([looks.random] if looks.random else [])]
    tables = [
        LookTable(
            "On the digit",
            _ON_OBJECT,
            tuple(_line(row, _on_object) for row in rows),
            verdict=_ON_OBJECT.index("verdict"),
            note=_ABOUT_OBJECT,
        )
    ]
    if looks.removed:
        seen_on = f"On the first {count(looks.removed)} test images."
        tables.append(
            LookTable(
                "What the answer hangs on",
                _ON_ANSWER,
                tuple(_line(row, _on_answer) for row in looks.rows),
                verdict=-1,
                note=f"{seen_on} {_ABOUT_ANSWER}",
            )
        )
    return tuple(tables)


def values_of(looks: Looks | None, label: str, seed: int) -> dict[LookMetric, float]:
    """Return every measure of one run; none if it was not looked at."""
    row = looks.row(label) if looks else None
    scores = row.scores if row else ()
    return {one.metric: one.values[seed] for one in scores if seed in one.values}


def _line(row: LookRow, cells: Callable[[LookRow], tuple[str, ...]]) -> Line:
    energy = row.score("energy")
    verdict = energy.verdict if energy else "cannot tell"
    kind = "reference" if row.label == PLAIN else verdict.replace(" ", "-")
    return Line(kind, (row.label, *cells(row)))


def _on_object(row: LookRow) -> tuple[str, ...]:
    energy = row.score("energy")
    if energy is None:
        return (_NONE,) * (len(_ON_OBJECT) - 1)
    return (
        _spread(percent(energy.mean), energy),
        _difference(energy),
        _verdict(row.label, energy),
        _NONE if energy.chance is None else percent(energy.chance),
        _mean(row.score("pointing")),
        _mean(row.score("iou")),
    )


def _on_answer(row: LookRow) -> tuple[str, ...]:
    road = row.score("road")
    return (
        _mean(row.score("insertion")),
        _mean(row.score("deletion")),
        _NONE
        if road is None
        else f"{_spread(signed(road.mean), road)}{_decided(road)}",
        _NONE if row.agreement is None else correlation(row.agreement),
    )


def _verdict(label: str, score: LookScore) -> str:
    if label == PLAIN:
        return "reference"
    return _NONE if score.family is None else _VERDICTS[score.verdict]


def _mean(score: LookScore | None) -> str:
    if score is None:
        return _NONE
    return f"{_spread(percent(score.mean), score)}{_decided(score)}"


def _spread(mean: str, score: LookScore) -> str:
    if score.interval is None:
        return mean
    return f"{mean} ± {points(score.interval.half_width)}"


def _decided(score: LookScore) -> str:
    """Return whether a measure is higher or lower than in the plain host, if known."""
    if score.family is None or score.verdict == "cannot tell":
        return ""
    return ", higher" if score.family.low > 0 else ", lower"


def _difference(score: LookScore) -> str:
    if score.family is None:
        return _NONE
    return f"{signed(score.family.estimate)} ({signed_interval(score.family)})"
