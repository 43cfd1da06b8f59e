"""The blocks that were grafted to a host, and how far they have moved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from foveate.records._record import Part, Record
from foveate.records._table import table
from foveate.records.plan import Start
from foveate.records.site import Position

__all__ = ["MOST_LOOKED_AT", "GraftedBlock", "Grafts", "name_places"]

MOST_LOOKED_AT = 64
"""On how many test images a comparison measures how far a graft has moved."""

HEADER = ("where", "block", "start", "parameters", "amount", "largest", "moved", "")


class GraftedBlock(Part):
    """One block of a host.

    Attributes:
        path: The layer that it was grafted to, by its name in the host.
        position: Whether it stands after that layer, before it or in its place.
        map: Which of the layer's maps it has, counted from 0.
        block: Its name, as in the plan.
        start: How it began.
        parameters: How many numbers it learns, those of its blend included.
        amount: The mean over channels of ``|amount|``: how much of the block a blend
            lets in. 0 is the identity, 1 the block as it is. None if it is no blend.
        largest_amount: The largest of them.
        moved: By how much it changes its map ``x`` to ``y``: ``||y - x|| / ||x||`` over
            the images that were looked at. None if none were.
        note: Why a number is missing.
    """

    path: str
    position: Position
    map: int
    block: str
    start: Start
    parameters: int
    amount: float | None = None
    largest_amount: float | None = None
    moved: float | None = None
    note: str = ""


class Grafts(Record):
    """The blocks of a host, in its order: it can be walked through.

    Attributes:
        host: The name of the host's class.
        blocks: The blocks.
    """

    host: str
    blocks: tuple[GraftedBlock, ...]

    def __len__(self) -> int:
        return len(self.blocks)

    # a record of one list is walked through by its items, not by its fields
    def __iter__(self) -> Iterator[GraftedBlock]:  # type: ignore[override]
        return iter(self.blocks)

    def __getitem__(self, place: int) -> GraftedBlock:
        return self.blocks[place]

    def __str__(self) -> str:
        """Return a table of the blocks."""
        if not self.blocks:
            return f"{self.host} has no grafts."
        rows = [
            (
                where,
                block.block,
                block.start,
                f"{block.parameters:,}",
                _short(block.amount),
                _short(block.largest_amount),
                _short(block.moved),
                block.note,
            )
            for where, block in zip(name_places(self.blocks), self.blocks, strict=True)
        ]
        return table(HEADER, rows)


def name_places(blocks: Sequence[GraftedBlock]) -> list[str]:
    """Return in words where each block stands, and on which map if there are several.

    Example:
        >>> said = {"position": "after", "block": "se", "start": "paper"}
        >>> both = [
        ...     GraftedBlock(path="neck", map=number, parameters=9, **said)
        ...     for number in (0, 1)
        ... ]
        >>> name_places(both), name_places(both[:1])
        (['after neck (map 0)', 'after neck (map 1)'], ['after neck'])
    """
    wheres = [f"{block.position} {block.path}" for block in blocks]
    return [
        f"{where} (map {block.map})" if wheres.count(where) > 1 else where
        for where, block in zip(wheres, blocks, strict=True)
    ]


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"
