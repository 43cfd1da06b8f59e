"""From the maps of runs to rows: means over seeds, and how sure they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from foveate.explain.agreement import agreement
from foveate.records import LOOK_METRICS, PLAIN, LookMetric, LookRow, LookScore
from foveate.study.look_files import Seen
from foveate.study.pairing import pair, paired_difference

__all__ = ["RANDOM", "BySeed", "random_row", "row_of"]

BySeed = Mapping[int, Seen]

RANDOM = "random weights"
"""What tables call the plain host with weights drawn anew."""

LESS_IS_BETTER: tuple[LookMetric, ...] = ("deletion",)

ENOUGH_TO_AGREE = 2


def row_of(
    label: str,
    mine: BySeed,
    plain: BySeed,
    random: BySeed,
    *,
    family: int,
) -> LookRow:
    """Return what was measured of the maps of one block or plan.

    Args:
        label: What it is called; ``PLAIN`` is compared with nothing but ``random``.
        mine: What its runs see.
        plain: What those of the plain host see.
        random: What the plain host sees with weights drawn anew.
        family: How many blocks the verdicts shall hold together for.
    """
    reference = {} if label == PLAIN else plain
    return LookRow(
        label=label,
        scores=tuple(
            _score(metric, mine, reference, random, family=family)
            for metric in LOOK_METRICS
            if any(metric in seen.scores for seen in mine.values())
        ),
        agreement=_agreement([seen for _, seen in sorted(mine.items())]),
        empty=_count_empty(mine),
    )


def random_row(random: BySeed) -> LookRow:
    """Return what was measured of the maps of a network that has learned nothing."""
    return row_of(RANDOM, random, {}, {}, family=1)


def _score(
    metric: LookMetric,
    mine: BySeed,
    plain: BySeed,
    random: BySeed,
    *,
    family: int,
) -> LookScore:
    # some are measured on fewer images than others
    counts = [len(each.scores[metric]) for each in mine.values()]
    resolution = 1 / min(counts)
    values = _means(metric, mine)
    chance = {
        seed: float(seen.chance[metric].mean())
        for seed, seen in mine.items()
        if metric in seen.chance
    }
    paired = pair(
        values,
        _means(metric, plain),
        resolution=resolution,
        family=family,
        less_is_better=metric in LESS_IS_BETTER,
    )
    return LookScore(
        metric=metric,
        values=values,
        mean=paired.mean,
        interval=paired.interval,
        difference=paired.difference,
        family=paired.family,
        verdict=paired.verdict,
        chance=sum(chance.values()) / len(chance) if chance else None,
        over_chance=paired_difference(values, chance, resolution=resolution),
        over_random=paired_difference(
            values, _means(metric, random), resolution=resolution
        ),
    )


def _means(metric: LookMetric, mine: BySeed) -> dict[int, float]:
    """Return the mean over images, by seed."""
    return {
        seed: float(seen.scores[metric].mean())
        for seed, seen in sorted(mine.items())
        if metric in seen.scores
    }


def _agreement(seen: Sequence[Seen]) -> float | None:
    if len(seen) < ENOUGH_TO_AGREE:
        return None
    return float(agreement([each.heats for each in seen]).mean)


def _count_empty(mine: BySeed) -> int:
    return sum(
        int((~seen.heats.any(axis=(1, 2))).sum()) for _, seen in sorted(mine.items())
    )
