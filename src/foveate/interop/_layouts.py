"""All layouts of all blocks, and which a source names."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from foveate import _checks, catalog
from foveate.blocks import Block, Fusion
from foveate.blocks._registry import CLASSES
from foveate.interop import _cbam, _gates, _mixers
from foveate.interop._rules import Layout, Rule

__all__ = ["LAYOUTS", "SOURCES", "chosen", "name_of", "sources"]

SOURCES = ("official", "timm", "collections", "foveate")
"""Where weights come from."""

OURS = Layout("foveate", (Rule("", ""),), about="Our own keys.")

LAYOUTS: Mapping[str, tuple[Layout, ...]] = {
    **_cbam.LAYOUTS,
    **_gates.LAYOUTS,
    **_mixers.LAYOUTS,
}


def sources(name: str) -> tuple[str, ...]:
    """Return which layouts of weights a block can read and write.

    Each is a source, ``official``, ``timm``, ``collections`` or ``foveate``, and after
    a point which one, where a source has several. The first of a source is the one
    that ``dump`` takes for it, if the block has no other tensors.

    Args:
        name: A name of the catalogue, an alias or a variant.

    Raises:
        UnknownNameError: The catalogue has no such name.

    Example:
        >>> sources("coordinate")
        ('official', 'official.mbv2', 'timm', 'collections', 'foveate')
    """
    return tuple(layout.name for layout in chosen(catalog.card(name).name, "auto"))


def chosen(block: str, source: str) -> tuple[Layout, ...]:
    """Return the layouts of a block that ``source`` names, all for ``auto``.

    Raises:
        OptionError: The block has no such source.
    """
    known = LAYOUTS.get(block, ())
    theirs = [layout for layout in known if layout.source != OURS.source]
    ours = [layout for layout in known if layout.source == OURS.source]
    layouts = (*theirs, OURS, *ours)
    if source == "auto":
        return layouts
    names = {layout.source for layout in layouts} | {layout.name for layout in layouts}
    _checks.one_of(block, names, source=source)
    return tuple(layout for layout in layouts if source in (layout.name, layout.source))


def name_of(module: nn.Module) -> str | None:
    """Return the name in the catalogue of a block or fusion, None of anything else."""
    if not isinstance(module, Block | Fusion):
        return None
    return next((name for name, cls in CLASSES.items() if type(module) is cls), None)
