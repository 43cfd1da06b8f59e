"""What a recipe compares with the plain host: a block in its slot, or a plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from foveate.records._record import Part, Value
from foveate.records.plan import Place, Plan, Start
from foveate.records.site import Position

__all__ = ["BlockChoice", "PlanChoice"]

WHERE: Mapping[Position, str] = {
    "after": "at",
    "before": "before",
    "replace": "replacing",
}
"""How a label says the position of a block."""

MOST_NAMED = 2
"""A label counts the layers if there are more."""


INLINE = ("block", "at", "position", "start", "options")
"""Fields that do not stand beside the places of a plan."""


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
            object.__setattr__(self, "label", _called(self.name, self.options))
        return self


class PlanChoice(Part):
    """One grafting of the comparison.

    It says which block goes where, and how; or it holds the places of a plan. In a
    recipe's file also the file of a plan, whose places are read with the recipe.

    Attributes:
        block: A name of the catalogue, or ``file.py:Class`` or ``package.module:Class``
            for a block of the user's.
        at: Which layers of the host, as selectors of ``foveate graft``.
        position: ``after`` each of them, ``before`` it, or in its place (``replace``).
        start: What the block does before it has learned.
        options: Options of the block.
        places: Those of a plan; it leaves out all of the above.
        label: What tables call it; block and layers if not given.
    """

    block: str | None = None
    at: tuple[str, ...] = ()
    position: Position = "after"
    start: Start = "identity"
    options: dict[str, Value] = Field(default_factory=dict)
    places: tuple[Place, ...] = ()
    label: str = ""

    @field_validator("at", mode="before")
    @classmethod
    def _several(cls, at: Any) -> Any:
        return (at,) if isinstance(at, str) else at

    @model_validator(mode="before")
    @classmethod
    def _from_plan(cls, values: Any) -> Any:
        if isinstance(values, Plan):
            return {"places": values.places}
        if isinstance(values, str) or (isinstance(values, dict) and "file" in values):
            raise ValueError(
                f"the file of a plan is read by study.load_recipe, got {values!r}. "
                "Load the recipe with it, or give the Plan itself."
            )
        return values

    @model_validator(mode="after")
    def _either(self) -> PlanChoice:
        beside = [name for name in INLINE if self._is_set(name)]
        if self.places and beside:
            raise ValueError(
                f"the places of a plan say all, so {' and '.join(beside)} cannot stand "
                "beside its places or file. Leave one of the two out."
            )
        if not self.places and not (self.block and self.at):
            raise ValueError(
                "a plan needs block and at, such as {block: se, at: 'stage:-1'}, or "
                f"the file of a plan, got block {self.block!r} and at {list(self.at)}."
            )
        return self

    @model_validator(mode="after")
    def _with_label(self) -> PlanChoice:
        if not self.label:
            object.__setattr__(self, "label", self._own_label())
        return self

    @model_serializer(mode="wrap")
    def _one_of_two(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what does not go with places, or with a block."""
        values: dict[str, Any] = dump(self)
        unused = INLINE if self.places else ("places",)
        return {key: value for key, value in values.items() if key not in unused}

    def _is_set(self, field: str) -> bool:
        """Return whether a field has another value than its default."""
        default = type(self).model_fields[field].get_default(call_default_factory=True)
        return bool(getattr(self, field) != default)

    def _own_label(self) -> str:
        if not self.places:
            return _label(
                [self.position], self.at, [self.start], [self._block_called()]
            )
        return _label(
            _distinct(place.position for place in self.places),
            _distinct(place.path for place in self.places),
            _distinct(place.start for place in self.places),
            _distinct(_called(place.block, place.options) for place in self.places),
        )

    def _block_called(self) -> str:
        return _called(self.block or "", self.options)


def _called(name: str, options: Mapping[str, Value]) -> str:
    """Return what a block is called: its name, without a file, and its options."""
    name = name.rpartition(":")[2]
    listed = ", ".join(f"{key}={value}" for key, value in options.items())
    return f"{name}({listed})" if listed else name


def _distinct(values: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(values))


def _label(
    positions: list[Position],
    layers: tuple[str, ...] | list[str],
    starts: list[Start],
    blocks: list[str],
) -> str:
    """Return such as ``se at stage:-1``, or ``se + eca at 3 layers (paper)``."""
    named = len(layers) <= MOST_NAMED
    which = " + ".join(layers) if named else f"{len(layers)} layers"
    where = WHERE[positions[0]] if len(positions) == 1 else "at"
    begins = "" if starts == ["identity"] else f" ({', '.join(starts)})"
    return f"{' + '.join(blocks)} {where} {which}{begins}"
