"""A recipe: one YAML file that fully says an experiment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import Field, model_validator

from foveate.errors import FoveateError, RecipeError
from foveate.records._record import Part, Record
from foveate.records.choice import BlockChoice, PlanChoice
from foveate.records.host import Count, Host

__all__ = [
    "PLAIN",
    "Data",
    "Recipe",
    "Slot",
    "Training",
]

PLAIN = "plain"
"""The label of the host without a block, against which all are compared."""

Share = Annotated[float, Field(ge=0, le=1)]
T = TypeVar("T")

EVERY_STAGE = (1, 2, 3, 4)


class Data(Part):
    """The images to learn from and to be scored on.

    Attributes:
        name: The data set.
        image_size: Height and width of an image, in pixels.
        train_images: How many images to learn from.
        test_images: How many images to be scored on.
        clutter: How many fragments of other digits lie in an image.
        seed: What the images are drawn from; the same for all runs.
    """

    name: Literal["digit-scenes"] = "digit-scenes"
    image_size: Annotated[int, Field(ge=24, le=192)] = 48
    train_images: Count = 6000
    test_images: Count = 1000
    clutter: Annotated[int, Field(ge=0, le=20)] = 3
    seed: Annotated[int, Field(ge=0)] = 0


class Slot(Part):
    """Where in the host a block goes.

    Attributes:
        name: ``attention``: in every residual branch, where the block's paper puts it.
            ``join``: a fusion at every join of a feature pyramid, where the plain host
            adds.
        stages: Which of the four stages have attention; ``join`` has no such choice.
    """

    name: Literal["attention", "join"] = "attention"
    stages: tuple[Annotated[int, Field(ge=1, le=4)], ...] = EVERY_STAGE

    @model_validator(mode="after")
    def _some_stages(self) -> Slot:
        if self.name == "join" and self.stages != EVERY_STAGE:
            raise ValueError(
                "stages say where attention stands; a fusion stands at every join. "
                f"Leave slot.stages out, got {list(self.stages)}."
            )
        if not self.stages or len(set(self.stages)) < len(self.stages):
            raise ValueError(
                f"stages must name each of 1 to 4 at most once, got {self.stages}."
            )
        return self


class Training(Part):
    """How a run learns.

    Attributes:
        epochs: Passes over the training images.
        batch_size: Images a step.
        optimizer: ``adamw`` or ``sgd`` (with Nesterov's momentum).
        learning_rate: The highest rate; it rises over the first part and falls to 0.
        warmup: The part of all steps in which the rate rises.
        momentum: Of the gradient: Nesterov's for ``sgd``, the first beta of ``adamw``.
        weight_decay: On weights of two or more dimensions only.
        label_smoothing: Share of each label that is spread over all classes.
        shift: Each image is moved by up to this many pixels, anew in every epoch.
        threads: CPU threads of a run. They change the order of sums, and so the last
            digits of a score: hence a setting, not a matter of the machine.
        device: ``cpu``, ``cuda`` or ``cuda:N``.
    """

    epochs: Count = 8
    batch_size: Annotated[int, Field(ge=2)] = 16
    optimizer: Literal["adamw", "sgd"] = "adamw"
    learning_rate: Annotated[float, Field(gt=0)] = 3e-3
    warmup: Share = 0.15
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    weight_decay: Annotated[float, Field(ge=0)] = 0.05
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    shift: Annotated[int, Field(ge=0)] = 3
    threads: Count = 1
    device: Annotated[str, Field(pattern=r"^(cpu|cuda(:\d+)?)$")] = "cpu"


class Recipe(Record):
    """One experiment: data, host, blocks or plans, training and seeds.

    The plain host is always part of it. Every block and plan is trained once a seed,
    and the same seed gives each of them the same order of images and the same first
    weights of the host.
    """

    error: ClassVar[type[FoveateError]] = RecipeError

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    data: Data = Data()
    host: Host = Host()
    slot: Slot = Slot()
    blocks: tuple[BlockChoice, ...] = ()
    plans: tuple[PlanChoice, ...] = ()
    training: Training = Training()
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)] = (
        0,
        1,
        2,
    )

    @property
    def contenders(self) -> tuple[BlockChoice | PlanChoice, ...]:
        """What is compared with the plain host: blocks, then plans."""
        return (*self.blocks, *self.plans)

    @model_validator(mode="after")
    def _something_to_compare(self) -> Recipe:
        if not self.contenders:
            raise ValueError(
                "blocks: must not be empty, got [], unless there are plans. Name what "
                "is compared with the plain host, such as blocks: [se]."
            )
        if self.host.is_ours:
            return self
        if self.blocks:
            raise ValueError(
                f"blocks: go into the slot of a host of foveate, and {self.host.title} "
                f"has none, got {self.blocks[0].label!r}. Graft it instead: plans: "
                f"[{{block: {self.blocks[0].name}, at: 'stage:-1'}}]."
            )
        if self.slot != Slot():
            raise ValueError(
                f"slot: is of the hosts of foveate, and {self.host.title} has none. "
                "Leave it out; at says where the block of a plan goes."
            )
        return self

    @model_validator(mode="after")
    def _enough_images(self) -> Recipe:
        if self.training.batch_size > self.data.train_images:
            raise ValueError(
                f"training.batch_size {self.training.batch_size} is more than "
                f"data.train_images {self.data.train_images}."
            )
        return self

    @model_validator(mode="after")
    def _distinct(self) -> Recipe:
        labels = [choice.label for choice in self.contenders]
        name = _first_twice([PLAIN, *labels])
        if name is not None:
            which = "blocks and plans" if self.plans else "blocks"
            raise ValueError(
                f"{which}: {name!r} stands there twice (the plain host is always "
                "compared). Give one a label."
            )
        seed = _first_twice(self.seeds)
        if seed is not None:
            raise ValueError(f"seeds: {seed!r} stands there twice.")
        return self


def _first_twice(values: Sequence[T]) -> T | None:
    return next((value for value in values if values.count(value) > 1), None)
