"""A run: one (host, block, seed), what it is made of and what came of it."""

from __future__ import annotations

from foveate.records._record import Part, Record
from foveate.records.choice import BlockChoice, PlanChoice
from foveate.records.grafts import GraftedBlock
from foveate.records.host import Host
from foveate.records.recipe import PLAIN, Data, Recipe, Slot, Training

__all__ = ["Epoch", "Grid", "Machine", "Result", "Run", "run_title"]


def run_title(label: str, seed: int) -> str:
    """Return what people call the run of a block at a seed."""
    return f"{label}, seed {seed}"


class Run(Record):
    """One training run, fully said.

    Attributes:
        data: The images.
        host: The network.
        slot: Where the block goes.
        block: The block in the slot; None if there is none.
        plan: What is grafted, place by place; None if nothing is. A run without block
            and plan is one of the plain host.
        training: How it learns.
        seed: Of the order of images and of the first weights.
        code: A digest of the code and packages that the numbers depend on.
        key: The hash of all of the above; the name of the run.
    """

    data: Data
    host: Host
    slot: Slot
    block: BlockChoice | None
    plan: PlanChoice | None = None
    training: Training
    seed: int
    code: str
    key: str

    @property
    def label(self) -> str:
        """What tables call the block or plan."""
        choice = self.block or self.plan
        return PLAIN if choice is None else choice.label

    @property
    def title(self) -> str:
        """Block or plan, and seed, for people."""
        return run_title(self.label, self.seed)


class Grid(Record):
    """Every run that a recipe asks for.

    Attributes:
        recipe: What was asked.
        runs: Seed by seed, the plain host first.
    """

    recipe: Recipe
    runs: tuple[Run, ...]


class Epoch(Part):
    """One row of a run's curve.

    Attributes:
        epoch: From 1.
        train_loss: Mean cross-entropy over the epoch's images.
        test_accuracy: Share of test images named right, after the epoch.
    """

    epoch: int
    train_loss: float
    test_accuracy: float


class Machine(Part):
    """Where a run was trained.

    Attributes:
        processor: Name of the CPU, or of the GPU if one was used.
        system: Operating system.
        cores: CPU cores of the machine.
        versions: Of Python and of the packages that numbers depend on.
    """

    processor: str
    system: str
    cores: int
    versions: dict[str, str]


class Result(Record):
    """What came of a run.

    Attributes:
        accuracy: Share of the test images named right after the last epoch.
        class_accuracy: The same, per class.
        curve: One row an epoch.
        parameters: Of host and block.
        macs: Multiply-accumulates of host and block for one image.
        seconds: Wall-clock time of the training.
        data_digest: A hash of the test images, equal for all runs of a comparison.
        machine: Where it was trained.
        grafts: How far each grafted block has moved from the identity; none without a
            plan.
    """

    accuracy: float
    class_accuracy: tuple[float, ...]
    curve: tuple[Epoch, ...]
    parameters: int
    macs: int
    seconds: float
    data_digest: str
    machine: Machine
    grafts: tuple[GraftedBlock, ...] = ()
