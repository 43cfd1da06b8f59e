"""A summary: what a comparison found, with how sure that is."""

from __future__ import annotations

from foveate.records._record import Part, Record
from foveate.records.grafts import GraftedBlock
from foveate.records.interval import Interval, Verdict
from foveate.records.look import Looks
from foveate.records.recipe import PLAIN, Recipe
from foveate.records.run import Machine, run_title

__all__ = [
    "MOST_SEEDS",
    "Curve",
    "Failure",
    "Noise",
    "Row",
    "Summary",
]

MOST_SEEDS = 50
"""Beyond so many seeds nobody is told to train."""


class Noise(Part):
    """How much the plain host's score moves when only the seed changes.

    Attributes:
        sd: Standard deviation over seeds; None with one seed.
        low: The lowest score of a seed.
        high: The highest.
    """

    sd: float | None
    low: float
    high: float


class Curve(Part):
    """The test accuracy of one run after each epoch."""

    seed: int
    test_accuracy: tuple[float, ...]


class Row(Part):
    """What was found of one block or plan, or of the plain host.

    Scores are shares from 0 to 1; differences are block minus plain, seed by seed.

    Attributes:
        label: What tables call it.
        block: Its name in the catalogue, or where a class of the user's is found;
            those of a plan, if they are several; None for the plain host.
        scores: The score of each seed.
        mean: Their mean.
        sd: Their standard deviation; None with one seed.
        interval: 95 % interval of the mean over seeds; None with one seed.
        difference: Paired difference to the plain host with its 95 % interval; None
            for the plain host, and with fewer than two seeds in common.
        family: The same with an interval widened so that all blocks of the comparison
            hold together at 95 % (Bonferroni); the verdict is read from it.
        wins: Seeds in which the block scored higher than the plain host.
        pairs: Seeds that both have.
        verdict: Better or worse if ``family`` leaves out 0.
        seeds_needed: How many seeds would make ``family`` leave out 0, if mean and
            spread of the differences stay as they are; None if more than
            ``MOST_SEEDS``, or if there is no ``family``.
        class_accuracy: Mean accuracy of each class.
        parameters: Of host and block.
        macs: Multiply-accumulates for one image.
        seconds: Mean wall-clock time of a run.
        curves: One a seed.
        grafts: Of a plan, its blocks and how far each has moved from the identity, the
            mean over seeds.
    """

    label: str
    block: str | None
    scores: dict[int, float]
    mean: float
    sd: float | None
    interval: Interval | None
    difference: Interval | None
    family: Interval | None
    wins: int
    pairs: int
    verdict: Verdict
    seeds_needed: int | None = None
    class_accuracy: tuple[float, ...]
    parameters: int
    macs: int
    seconds: float
    curves: tuple[Curve, ...]
    grafts: tuple[GraftedBlock, ...] = ()


class Failure(Part):
    """A run that broke, and why, in one line."""

    label: str
    seed: int
    reason: str

    @property
    def title(self) -> str:
        """Block and seed, for people."""
        return run_title(self.label, self.seed)


class Summary(Record):
    """What a comparison found.

    Attributes:
        recipe: What was asked.
        rows: The plain host first, then blocks and plans from the highest mean to the
            lowest.
        noise: How much the plain host moves with the seed; None if it has no run.
        failures: Runs that broke.
        missing: Titles of runs that have not been trained.
        machines: Where the runs were trained; more than one is a warning.
        looks: Where the trained networks look; None if nobody has looked.
    """

    recipe: Recipe
    rows: tuple[Row, ...]
    noise: Noise | None
    failures: tuple[Failure, ...]
    missing: tuple[str, ...]
    machines: tuple[Machine, ...]
    looks: Looks | None = None

    @property
    def plain_row(self) -> Row | None:
        """The row of the plain host, if it has finished a run."""
        return next((row for row in self.rows if row.label == PLAIN), None)

    @property
    def block_rows(self) -> tuple[Row, ...]:
        """The rows of blocks, from the highest mean to the lowest."""
        return tuple(row for row in self.rows if row.label != PLAIN)
