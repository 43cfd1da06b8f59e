"""Write the state of a block under the keys of a layout."""

from __future__ import annotations

from torch import Tensor

from foveate.errors import WeightsError
from foveate.interop._layouts import chosen
from foveate.interop._matching import State, slots_of
from foveate.interop._rules import Layout
from foveate.interop._words import listed

__all__ = ["block_keys", "layout_for"]


def layout_for(
    block: str, own: State, source: str, *, joint: str | None = None
) -> Layout:
    """Return the first layout of a source that has a place for every tensor.

    Args:
        block: The name of the block.
        own: Its state.
        source: A source, or one of its layouts.
        joint: What stands between the name of the block and those of its layers; None:
            anything.

    Raises:
        WeightsError: There is none.
        OptionError: The block has no such source.
    """
    layouts = chosen(block, source)
    homeless: list[str] = []
    for layout in layouts:
        slots = slots_of(layout, own)
        homeless = [key for key in own if key not in slots]
        if not homeless and joint in (None, layout.joint):
            return layout
    raise WeightsError(
        f"{block}: the code of {source!r} has no place for {listed(homeless)}."
    )


def block_keys(own: State, layout: Layout) -> dict[str, Tensor]:
    """Return the state of a block as a layout names, shapes and orders it."""
    theirs: dict[str, Tensor] = {}
    for key, slot in slots_of(layout, own).items():
        parts = slot.transform.split(own[key], len(slot.theirs))
        theirs.update(zip(slot.theirs, parts, strict=True))
    return {key: theirs[key] for key in sorted(theirs, key=layout.place)}
