"""Where the networks of a comparison look, with numbers and pictures."""

from __future__ import annotations

from typing import Literal, get_args

from foveate.records._record import Part, Record
from foveate.records.gallery import Gallery
from foveate.records.interval import Interval, Verdict
from foveate.records.run import run_title

__all__ = [
    "LOOK_METRICS",
    "LookMetric",
    "LookRow",
    "LookScore",
    "Looks",
    "Unseen",
]

LookMetric = Literal["energy", "pointing", "iou", "insertion", "deletion", "road"]
"""What is measured of heat maps, each for an image and averaged over images.

``energy``: the share of the map inside the object's box. ``pointing``: whether its
highest place is inside. ``iou``: how far its highest places, as many as the box has,
and the box are the same. ``insertion`` and ``deletion``: the mean probability of the
class while the image appears, or vanishes, from the map's highest places on; of a good
map the one is high, the other low. ``road``: how much sooner the class is lost when the
highest places are painted over than when the lowest are.
"""

LOOK_METRICS: tuple[LookMetric, ...] = get_args(LookMetric)


class LookScore(Part):
    """One measure of the maps of one block or plan, or of the plain host.

    Attributes:
        metric: What is measured.
        values: The mean over images, by seed.
        mean: Their mean.
        interval: 95 % interval of the mean over seeds; None with one seed.
        difference: Paired difference to the plain host with its 95 % interval; None
            for the plain host, and with fewer than two seeds in common.
        family: The same with an interval widened so that all blocks of the comparison
            hold together at 95 % (Bonferroni); the verdict is read from it.
        verdict: Better or worse if ``family`` leaves out 0. Of ``deletion`` less is
            better.
        chance: The same maps by the boxes of the other images: what a map gets that
            knows where digits tend to lie and not where this one does. None where
            there is no box.
        over_chance: What the maps get beyond that, with its 95 % interval over seeds.
        over_random: What they get beyond those of a host of random weights, likewise.
    """

    metric: LookMetric
    values: dict[int, float]
    mean: float
    interval: Interval | None = None
    difference: Interval | None = None
    family: Interval | None = None
    verdict: Verdict = "cannot tell"
    chance: float | None = None
    over_chance: Interval | None = None
    over_random: Interval | None = None


class LookRow(Part):
    """What was measured of the maps of one block or plan, or of the plain host.

    Attributes:
        label: What tables call it.
        scores: Its measures, in the order of ``LOOK_METRICS``.
        agreement: How far the maps of two seeds of it agree on an image, from -1 to 1:
            their rank correlation over places beyond the mean map of each, the mean
            over images and pairs of seeds; None with one seed.
        empty: How many of its maps are zero everywhere, over all seeds.
    """

    label: str
    scores: tuple[LookScore, ...]
    agreement: float | None = None
    empty: int = 0

    def score(self, metric: LookMetric) -> LookScore | None:
        """Return one of the measures, or None if it was not taken."""
        return next((one for one in self.scores if one.metric == metric), None)


class Unseen(Part):
    """A run whose maps could not be made, and why, in one line."""

    label: str
    seed: int
    reason: str

    @property
    def title(self) -> str:
        """Block and seed, for people."""
        return run_title(self.label, self.seed)


class Looks(Record):
    """Where the networks of a comparison look, and how sure that is.

    Attributes:
        key: A hash of all that it depends on: the runs, the settings, the code.
        method: How maps were made.
        layer: The layer at which they were, by its path.
        reason: How that layer was found, in words.
        images: How many test images were looked at.
        removed: On how many of them the class was watched while they vanish:
            ``insertion``, ``deletion`` and ``road``.
        rows: The plain host first, then as in the ranking.
        random: The plain host with weights drawn anew: what maps get without learning.
        unseen: Runs whose maps could not be made.
        gallery: Images under their maps; None if there are none.
        problem: Why nothing at all could be looked at; empty if something was.
    """

    key: str = ""
    method: str = ""
    layer: str = ""
    reason: str = ""
    images: int = 0
    removed: int = 0
    rows: tuple[LookRow, ...] = ()
    random: LookRow | None = None
    unseen: tuple[Unseen, ...] = ()
    gallery: Gallery | None = None
    problem: str = ""

    def row(self, label: str) -> LookRow | None:
        """Return what was measured of one block or plan, or None."""
        return next((row for row in self.rows if row.label == label), None)
