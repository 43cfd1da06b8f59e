"""A recipe: one YAML file that fully says an experiment."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from foveate.errors import FoveateError, RecipeError
from foveate.records._record import Part, Record, Value

__all__ = [
    "PLAIN",
    "BlockChoice",
    "Data",
    "Host",
    "Recipe",
    "Slot",
    "Training",
]

PLAIN = "plain"
"""The label of the host without a block, against which all are compared."""

Count = Annotated[int, Field(gt=0, strict=True)]
Share = Annotated[float, Field(ge=0, le=1)]
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


class Host(Part):
    """The network that blocks are tried in.

    Attributes:
        name: A ResNet: ``resnet10`` to ``resnet152``, or ``resnet18v2`` and so on; with
            ``_fpn`` at the end a feature pyramid on it, such as ``resnet18_fpn``.
        width: Channels of the ResNet's first stage; 64 in the paper.
        stem: ``imagenet`` (stride 4), ``small`` (stride 1) or ``half`` (stride 2).
    """

    name: str = "resnet18"
    width: Count = 64
    stem: Literal["imagenet", "half", "small"] = "imagenet"


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


class BlockChoice(Part):
    """One block of the comparison.

    In YAML also just its name: ``- cbam``.

    Attributes:
        name: A name of the catalogue, or a variant such as ``cbam.keras``.
        options: Options of the block.
        label: What tables call it; its name and options if not given.
    """

    name: str
    options: dict[str, Value] = Field(default_factory=dict)
    label: str = ""

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, values: Any) -> Any:
        return {"name": values} if isinstance(values, str) else values

    @model_validator(mode="after")
    def _with_label(self) -> BlockChoice:
        if not self.label:
            options = ", ".join(f"{key}={value}" for key, value in self.options.items())
            label = f"{self.name}({options})" if options else self.name
            object.__setattr__(self, "label", label)
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
    """One experiment: data, host, blocks, training and seeds.

    The plain host is always part of it. Every block is trained once a seed, and the
    same seed gives every block the same order of images and the same first weights of
    the host.
    """

    error: ClassVar[type[FoveateError]] = RecipeError

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    data: Data = Data()
    host: Host = Host()
    slot: Slot = Slot()
    blocks: Annotated[tuple[BlockChoice, ...], Field(min_length=1)]
    training: Training = Training()
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)] = (
        0,
        1,
        2,
    )

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
        labels = [choice.label for choice in self.blocks]
        for what, values in (("blocks", [PLAIN, *labels]), ("seeds", self.seeds)):
            twice = [value for value in values if list(values).count(value) > 1]
            if twice:
                raise ValueError(
                    f"{what}: {twice[0]!r} stands there twice"
                    + (
                        " (the plain host is always compared). Give one a label."
                        if what == "blocks"
                        else "."
                    )
                )
        return self
