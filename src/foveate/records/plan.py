"""A plan: which block goes to which sites of a host."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from foveate.records._record import Part, Record, Value
from foveate.records._table import table
from foveate.records.site import MapShape, Position

__all__ = ["Place", "Plan", "Refusal", "Start"]

Start = Literal["identity", "gate", "paper"]
"""What a block does before it has learned: nothing at all (``identity`` by a blend,
``gate`` by gates that begin at one), or what its paper says."""


class Place(Part):
    """One block at one site.

    Attributes:
        path: The layer, by its name in the host.
        block: A name of the catalogue, or ``package.module:Class`` or ``file.py:Class``
            for a block of the user's.
        options: Options of the block.
        position: ``after`` the layer, ``before`` it, or in its place (``replace``).
        start: What the block does before it has learned.
        maps: The maps it gets there: several if the layer has several, each of which
            has a block of its own.
        replaced: The class of the layer in whose place it stands.
    """

    path: str
    block: str
    options: dict[str, Value] = Field(default_factory=dict)
    position: Position = "after"
    start: Start = "identity"
    maps: tuple[MapShape, ...] = Field(min_length=1)
    replaced: str | None = None

    @property
    def is_ours(self) -> bool:
        """Whether its block is one of the catalogue."""
        return ":" not in self.block

    @property
    def where(self) -> str:
        """Position and layer, for people."""
        return f"{self.position} {self.path}"


class Refusal(Part):
    """A site that was asked for and cannot have the block.

    Attributes:
        path: The layer, by its name in the host.
        reason: Why, and what would work, in a sentence or two.
    """

    path: str
    reason: str


class Plan(Record):
    """Which block goes to which sites of a host: made by looking, applied by grafting.

    Attributes:
        host: The name of the host's class, for the reader.
        example: The shapes of the host's inputs with which it was looked at.
        places: The blocks and where they go.
        refused: What was asked for and cannot be done. A plan with refusals is not
            applied; ``fitting()`` leaves them out.
    """

    host: str
    example: tuple[tuple[int, ...], ...]
    places: tuple[Place, ...]
    refused: tuple[Refusal, ...] = ()

    def fitting(self) -> Plan:
        """Return the plan without what was refused."""
        return self.model_copy(update={"refused": ()})

    def __str__(self) -> str:
        """Return a table of the places, and below it what was refused."""
        rows = [
            (
                place.where,
                place.block,
                place.start,
                ", ".join(map(str, place.maps)),
            )
            for place in self.places
        ]
        lines = [table(("where", "block", "start", "channels x size"), rows)]
        lines += [f"refused: {each.path}: {each.reason}" for each in self.refused]
        return "\n".join(lines)
