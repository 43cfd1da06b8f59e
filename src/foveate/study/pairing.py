"""Scores of a block beside those of the plain host, seed by seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from foveate.records import Interval, Verdict
from foveate.study.statistics import deviation, interval, seeds_needed

__all__ = ["Paired", "pair", "paired_difference"]


class Paired(NamedTuple):
    """What the scores of one block say; the fields are those of ``records.Row``."""

    mean: float
    sd: float | None
    interval: Interval | None
    difference: Interval | None
    family: Interval | None
    wins: int
    pairs: int
    verdict: Verdict
    seeds_needed: int | None


def pair(
    mine: Mapping[int, float],
    plain: Mapping[int, float],
    *,
    resolution: float,
    family: int,
    less_is_better: bool = False,
) -> Paired:
    """Return what the scores of a block say, alone and beside the plain host.

    Args:
        mine: Its scores, by seed.
        plain: Those of the plain host; empty if it is the plain host itself.
        resolution: See ``interval``.
        family: With how many blocks the verdict shall hold together.
        less_is_better: Whether a lower score is the better one.
    """
    values = list(mine.values())
    seeds = sorted(mine.keys() & plain.keys())
    gains = [mine[seed] - plain[seed] for seed in seeds]
    sign = -1 if less_is_better else 1
    joint = interval(gains, resolution=resolution, family=family)
    return Paired(
        mean=sum(values) / len(values),
        sd=deviation(values),
        interval=interval(values, resolution=resolution),
        difference=interval(gains, resolution=resolution),
        family=joint,
        wins=sum(sign * gain > 0 for gain in gains),
        pairs=len(gains),
        verdict=_verdict(joint, sign),
        seeds_needed=seeds_needed(gains, resolution=resolution, family=family),
    )


def paired_difference(
    mine: Mapping[int, float], other: Mapping[int, float], *, resolution: float
) -> Interval | None:
    """Return the mean of one less the other, seed by seed, with its interval."""
    gains = [mine[seed] - other[seed] for seed in sorted(mine.keys() & other.keys())]
    return interval(gains, resolution=resolution)


def _verdict(joint: Interval | None, sign: int) -> Verdict:
    if joint is None or joint.low <= 0 <= joint.high:
        return "cannot tell"
    return "better" if sign * joint.low > 0 else "worse"
