"""Refuse what cannot be run, before anything is trained."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator

import torch
from torch import nn

from foveate import backbones, blocks, catalog, hosts, surgery
from foveate.errors import FoveateError, RecipeError
from foveate.records import BlockChoice, Host, PlanChoice, Recipe, Slot
from foveate.study.answering import check_answers, check_seeded
from foveate.study.hosts import host_of, plan_of, started_host

__all__ = ["checked_hosts"]

OWN_JOIN = "add"
"""The fusion by which the plain host joins."""


def checked_hosts(
    recipe: Recipe,
) -> Iterator[tuple[BlockChoice | PlanChoice | None, nn.Module]]:
    """Yield the plain host and that of every block and plan; each has been run.

    Where all is ours, weights and images are on the meta device, so this takes neither
    memory nor long. The code of others is run on the CPU: what a module makes when it
    is imported would stay without values, and that a graft changes nothing is proven
    by values.

    Yields:
        The block, or the plan with the places that it means in the host; and the
        network.

    Raises:
        RecipeError: A host, block or option does not exist or does not fit the host,
            its slot or the size of its maps; the field of the recipe is named, and the
            site in the host where one is known.
    """
    with torch.random.fork_rng(devices=[]):
        with _naming("host"):
            _check_host(recipe.host, recipe.slot)
            if not recipe.host.is_ours:
                check_seeded(recipe.host)
            plain = _plain(recipe, lightly=recipe.host.is_ours)
            if recipe.host.weights is not None and recipe.host.is_ours:
                started_host(recipe.host, recipe.slot, None)
        yield None, plain
        for place, block in enumerate(recipe.blocks):
            with _naming(f"blocks.{place} ({block.label})"):
                _check_block(recipe.slot, block)
                host = _run_once(recipe, block)
            yield block, host
        for place, plan in enumerate(recipe.plans):
            with _naming(f"plans.{place} ({plan.label})"):
                found = _grafted(recipe, plan, plain)
            yield found


@contextlib.contextmanager
def _naming(field: str) -> Iterator[None]:
    try:
        yield
    except FoveateError as problem:
        raise RecipeError(f"{field}: {problem}") from problem


def _check_host(host: Host, slot: Slot) -> None:
    if host.is_ours and host.name.strip().lower() not in backbones.names():
        # it raises, and says how a network that is not ours is named
        hosts.load(host.name)
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


def _plain(recipe: Recipe, *, lightly: bool) -> nn.Module:
    """Return the plain host after it has answered, on the meta device if lightly."""
    if lightly:
        return _run_once(recipe, None)
    host = started_host(recipe.host, recipe.slot, None)
    check_answers(host, recipe)
    return host


def _run_once(recipe: Recipe, block: BlockChoice | None) -> nn.Module:
    """Return a host of ours after it has looked at two images of the recipe's size."""
    with torch.device("meta"):
        host = host_of(recipe.host, recipe.slot, block)
        entered = _entered_sites(host)
        try:
            check_answers(host, recipe)
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


def _grafted(
    recipe: Recipe, choice: PlanChoice, plain: nn.Module
) -> tuple[PlanChoice, nn.Module]:
    """Return a plan with its places, and the host that has them."""
    side = recipe.data.image_size
    if ":" in (choice.block or "".join(place.block for place in choice.places)):
        # a file of the user's
        host = _plain(recipe, lightly=False)
    else:
        host = copy.deepcopy(plain)
    plan = plan_of(choice, host, side)
    if plan.refused:
        first, more = plan.refused[0], len(plan.refused) - 1
        rest = f" {more} more layers are refused." if more else ""
        cure = " Let at leave out what is refused." if plan.places else ""
        raise RecipeError(f"{first.path}: {first.reason}{rest}{cure}")
    surgery.graft(host, plan, example=(1, 3, side, side))
    check_answers(host, recipe)
    return PlanChoice(places=plan.places, label=choice.label), host
