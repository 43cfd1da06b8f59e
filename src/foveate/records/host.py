"""The network that a recipe tries blocks in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from foveate.records._record import Part, Value

__all__ = ["Count", "Host"]

Count = Annotated[int, Field(gt=0, strict=True)]

OWN_FIELDS = ("width", "stem")
"""Fields of a host that only networks of ours have."""

_BY_BLOCKS = "What goes into the host is said by blocks or plans."
SET_BESIDE = {
    "width": "Set host.width.",
    "stem": "Set host.stem.",
    "attention": _BY_BLOCKS,
    "attention_options": _BY_BLOCKS,
    "attention_stages": "Set slot.stages.",
    "fusion": _BY_BLOCKS,
    "fusion_options": _BY_BLOCKS,
}
"""Options of networks of ours that stand elsewhere in a recipe, and where."""


class Host(Part):
    """The network that blocks are tried in.

    Attributes:
        name: A ResNet of ours: ``resnet10`` to ``resnet152``, or ``resnet18v2`` and so
            on; with ``_fpn`` at the end a feature pyramid on it, such as
            ``resnet18_fpn``. Or any that ``hosts.load`` knows, such as
            ``timm:resnet18``, ``torchvision:mobilenet_v3_small`` or
            ``path/to/file.py:factory``.
        width: Channels of the first stage, 64 in the paper; of a ResNet of ours only.
        stem: ``imagenet`` (stride 4), ``small`` (stride 1) or ``half`` (stride 2); of a
            ResNet of ours only.
        options: Further options of the network. One that is not ours gets
            ``num_classes`` besides, if it takes it.
        weights: A file with the weights that it starts from; None: random ones.
        reset: Layers, or globs over keys, whose weights are not taken from the file,
            such as ``fc``, a head for other classes. They start at random.
    """

    name: str = "resnet18"
    width: Count = 64
    stem: Literal["imagenet", "half", "small"] = "imagenet"
    options: dict[str, Value] = Field(default_factory=dict)
    weights: str | None = None
    reset: tuple[str, ...] = ()

    @property
    def is_ours(self) -> bool:
        """Whether it is a network of ``backbones``, which has a slot."""
        return ":" not in self.name

    @property
    def title(self) -> str:
        """What people call it: its name, without the folders of a file."""
        source, _, factory = self.name.rpartition(":")
        return f"{Path(source).name}:{factory}" if source.endswith(".py") else self.name

    @field_validator("reset", mode="before")
    @classmethod
    def _several(cls, reset: Any) -> Any:
        return (reset,) if isinstance(reset, str) else reset

    @model_validator(mode="after")
    def _own_fields(self) -> Host:
        given = [name for name in OWN_FIELDS if name in self.model_fields_set]
        if given and not self.is_ours:
            raise ValueError(
                f"only the ResNets of foveate have {' and '.join(given)}, and "
                f"host.name is {self.name!r}. Leave that out: host={{name: "
                f"{self.name}}} replaces the whole host. What the network itself takes "
                "stands in host.options."
            )
        taken = [name for name in self.options if name in SET_BESIDE]
        if taken and self.is_ours:
            raise ValueError(
                f"options cannot hold {taken[0]}, got {self.options[taken[0]]!r}. "
                f"{SET_BESIDE[taken[0]]}"
            )
        if self.reset and self.weights is None:
            raise ValueError(
                "reset names what of host.weights is not loaded, and there are none, "
                f"got {list(self.reset)}. Leave it out, or name the file."
            )
        return self

    @model_serializer(mode="wrap")
    def _without_what_it_has_not(
        self, dump: SerializerFunctionWrapHandler
    ) -> dict[str, Any]:
        values: dict[str, Any] = dump(self)
        if not self.is_ours:
            for name in OWN_FIELDS:
                values.pop(name, None)
        return values
