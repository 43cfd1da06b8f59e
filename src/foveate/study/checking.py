"""Refuse what cannot be run, before anything is trained."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import nn

from foveate import backbones, blocks, catalog
from foveate.errors import FoveateError, RecipeError
from foveate.records import BlockChoice, Host, Recipe, Slot
from foveate.study.hosts import host_of

__all__ = ["checked_hosts"]

OWN_JOIN = "add"
"""The fusion by which the plain host joins."""


def checked_hosts(recipe: Recipe) -> Iterator[tuple[BlockChoice | None, nn.Module]]:
    """Yield the plain host and that of every block, each of which has been run once.

    Weights and images are on the meta device, so this takes neither memory nor long.

    Raises:
        RecipeError: A host, block or option does not exist or does not fit the host,
            its slot or the size of its maps; the field of the recipe is named, and the
            site in the host where one is known.
    """
    with _naming("host"):
        _check_host(recipe.host, recipe.slot)
        plain = _run_once(recipe, None)
    yield None, plain
    for place, block in enumerate(recipe.blocks):
        with _naming(f"blocks.{place} ({block.label})"):
            _check_block(recipe.slot, block)
            host = _run_once(recipe, block)
        yield block, host


@contextlib.contextmanager
def _naming(field: str) -> Iterator[None]:
    try:
        yield
    except FoveateError as problem:
        raise RecipeError(f"{field}: {problem}") from problem


def _check_host(host: Host, slot: Slot) -> None:
    if slot.name == "join" and not backbones.has_joins(host.name):
        raise RecipeError(
            f"{host.name!r} has no joins, which slot.name 'join' needs. Set host.name "
            f"to {host.name}_fpn."
        )


def _check_block(slot: Slot, block: BlockChoice) -> None:
    card = catalog.card(block.name)
    fusions = catalog.names(kind="fusion")
    if slot.name == "attention" and card.name in fusions:
        raise RecipeError(
            f"{block.name!r} is a fusion of several maps, and slot.name 'attention' "
            "has one. Set slot.name to join and host.name to resnet18_fpn or another "
            "that ends in _fpn."
        )
    if slot.name == "join" and card.name not in fusions:
        offered = ", ".join(name for name in fusions if name != OWN_JOIN)
        raise RecipeError(
            f"{block.name!r} takes one map, and slot.name 'join' has two. Fusions: "
            f"{offered}. For {block.name!r} set slot.name to attention."
        )
    if slot.name == "join" and card.name == OWN_JOIN:
        raise RecipeError(
            f"{block.name!r} is the plain host's own join, so it is always compared. "
            "Leave it out."
        )


def _run_once(recipe: Recipe, block: BlockChoice | None) -> nn.Module:
    """Return the host after it has looked at two images of the recipe's size."""
    side = recipe.data.image_size
    with torch.device("meta"), torch.no_grad():
        host = host_of(recipe.host, recipe.slot, block).eval()
        entered = _entered_sites(host)
        try:
            host(torch.zeros(2, 3, side, side))
        except FoveateError as problem:
            site = f"{entered[-1]}: " if entered else ""
            raise RecipeError(f"{site}{problem}") from problem
    return host


def _entered_sites(host: nn.Module) -> list[str]:
    """Return a list that will hold the name of each block that was called, in turn."""
    entered: list[str] = []
    for name, module in host.named_modules():
        if isinstance(module, blocks.Block | blocks.Fusion):
            module.register_forward_pre_hook(lambda *_, name=name: entered.append(name))
    return entered
