"""Join two maps of a network by a fusion."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from foveate import blocks, catalog
from foveate.backbones._making import NameOrMaker, is_fusion, made, maker
from foveate.errors import OptionError

__all__ = ["join", "join_maker"]

INPUTS = 2


def join_maker(
    fusion: NameOrMaker, options: Mapping[str, Any] | None
) -> Callable[[int], nn.Module]:
    """Return what makes a fusion of two maps from a number of channels.

    A fusion that is told how many maps it takes is told two, unless ``options`` or the
    variant say otherwise.

    Raises:
        UnknownNameError: No fusion has that name.
        UnknownOptionError: The fusion has no such option.
        OptionError: ``fusion`` takes one map, or is neither a name nor makes a fusion,
            or there are options without a name.
    """
    if isinstance(fusion, str):
        if not is_fusion(fusion):
            raise OptionError(
                f"Pyramid: fusion joins two maps, but {fusion!r} takes one. "
                f"{_offer_fusions()}"
            )
        if "num_inputs" in catalog.card(fusion).defaults:
            chosen = catalog.options_of(fusion, dict(options or {}))
            options = {"num_inputs": INPUTS, **chosen}
    return maker("Pyramid", fusion, options, option="fusion", each="join")


def join(site: str, make: Callable[[int], nn.Module], channels: int) -> nn.Module:
    """Return a new fusion of two maps of ``channels`` for ``site``.

    Raises:
        OptionError: It does not fit; the message begins with the site.
    """
    module = made(site, make, channels, option="fusion")
    if isinstance(module, blocks.Block):
        raise OptionError(
            f"{site}: a fusion joins two maps, but {type(module).__name__} takes one. "
            f"{_offer_fusions()}"
        )
    if isinstance(module, blocks.Fusion) and module.num_inputs != INPUTS:
        raise OptionError(
            f"{site}: a join has two maps, but {type(module).__name__} takes "
            f"{module.num_inputs}. Set its num_inputs to 2."
        )
    return module


def _offer_fusions() -> str:
    return f"Fusions: {', '.join(catalog.names(kind='fusion'))}."
