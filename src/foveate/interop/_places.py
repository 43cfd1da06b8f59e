"""Where networks of others keep a block, beside the layers that ours have too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Place", "place_of"]

SLOT = "attention"


@dataclass(frozen=True)
class Place:
    """How a residual block of others holds a block.

    Attributes:
        name: Its attribute; None: as ours is called; empty: the block has no attribute
            of its own, its parts stand in the residual block.
        before: The layer of the residual block whose keys follow those of the block.
        wraps: The layer that they keep in a sequence with the block, and so call
            ``wraps.0``.
    """

    name: str | None = None
    before: str = ""
    wraps: str = ""


SE = Place("se", before="downsample")

PLACES: Mapping[str, Mapping[str, Place]] = {
    "se": {"official": SE, "timm": SE, "collections": SE},
    "eca": {"official": Place("eca", before="downsample"), "timm": SE},
    "cbam": {
        "official": Place("cbam"),
        "timm": SE,
        "collections.halves": Place("", before="downsample"),
    },
    "coordinate": {"timm": SE},
    "shuffle": {"official": Place("sa", before="downsample")},
    "nam": {"official": Place("nam")},
    "simam": {"official": Place(wraps="conv2")},
    "criss_cross": {"official": Place("cca")},
    "safm": {"official": Place("safm")},
    "osra": {"official": Place("global_unit")},
}


def place_of(block: str, layout: str, attribute: str) -> Place:
    """Return where networks of a layout keep the block.

    Only the slot of our own networks has another name in theirs; a name that somebody
    chose is kept.
    """
    places = PLACES.get(block, {}) if attribute == SLOT else {}
    return places.get(layout) or places.get(layout.partition(".")[0]) or Place()
