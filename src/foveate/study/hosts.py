"""The network that a run trains."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from foveate import _loading, backbones, hosts, surgery
from foveate.errors import FoveateError, RecipeError, UnknownOptionError, WeightsError
from foveate.records import BlockChoice, Host, Plan, PlanChoice, Run, Slot
from foveate.study.digit_scenes import CLASSES

__all__ = ["host_of", "imported", "network_of", "plan_of", "started_host"]


def network_of(run: Run) -> nn.Module:
    """Return the network of a run before it is trained, block or plan included.

    The host draws its first weights before any block does, from the run's seed, with
    which torch's random numbers begin anew at the end: a host with dropout goes on as
    the plain one does.
    """
    places = () if run.plan is None else run.plan.places
    # an import may draw numbers too, and only the first run of a process imports
    for name in (run.host.name, *(place.block for place in places)):
        imported(name)
    torch.manual_seed(run.seed)
    model = started_host(run.host, run.slot, run.block)
    if run.plan is not None:
        side = run.data.image_size
        plan = plan_of(run.plan, model, side)
        surgery.graft(model, plan, example=(1, 3, side, side))
    torch.manual_seed(run.seed)
    return model


def imported(name: str) -> Any:
    """Return what a name of the user's means, once its module is imported.

    None for the name of a network or block of ours or of a library.
    """
    try:
        return _loading.load(name) if ":" in name else None
    except FoveateError:
        return None


def plan_of(choice: PlanChoice, model: nn.Module, side: int) -> Plan:
    """Return the plan that a choice means in a host.

    Args:
        choice: Selectors, or the places themselves.
        model: The host.
        side: Height and width of its images, in pixels.

    Raises:
        SiteError: A selector means no layer.
        FoveateError: The block or one of its options does not exist.
    """
    example = (1, 3, side, side)
    if choice.block is None:
        kind = type(model).__name__
        return Plan(host=kind, example=(example,), places=choice.places)
    return surgery.plan(
        model,
        choice.block,
        at=list(choice.at),
        example=example,
        position=choice.position,
        start=choice.start,
        options=choice.options,
    )


def started_host(host: Host, slot: Slot, block: BlockChoice | None) -> nn.Module:
    """Return the host with the weights that it starts from, with the block or plain.

    Raises:
        RecipeError: The weights do not fit.
        FoveateError: As for ``host_of``.
    """
    model = host_of(host, slot, block)
    if host.weights is None:
        return model
    if block is None:
        _load(model, host)
        return model
    # a file has no weights of the block, so they are fitted to the plain host
    with torch.random.fork_rng(devices=[]):
        plain = host_of(host, slot, None)
    kept = model.state_dict()
    plain.load_state_dict({key: kept[key] for key in plain.state_dict()})
    _load(plain, host)
    model.load_state_dict(plain.state_dict(), strict=False)
    return model


def host_of(host: Host, slot: Slot, block: BlockChoice | None) -> nn.Module:
    """Return the host with the block in its slot, or plain, with random weights.

    The plain host has no attention, and joins by ``add``.

    Raises:
        UnknownNameError: There is no such host or block.
        UnknownOptionError: The host or the block has no such option.
        OptionError: The block does not fit the host; the site is named.
        MissingExtraError: The library of the host is not installed.
    """
    if not host.is_ours:
        return _of_others(host)
    options: backbones.PyramidOptions = {
        "num_classes": len(CLASSES),
        "width": host.width,
        "stem": host.stem,
    }
    if backbones.has_joins(host.name):
        # only the finest is classified
        options["levels"] = 1
    if block is not None and slot.name == "join":
        options["fusion"] = block.name
        options["fusion_options"] = block.options
    elif block is not None:
        options["attention"] = block.name
        options["attention_options"] = block.options
        options["attention_stages"] = slot.stages
    # the names are checked where the values are
    options.update(host.options)  # type: ignore[typeddict-item]
    return backbones.create(host.name, **options)


def _of_others(host: Host) -> nn.Module:
    """Return a network of a library or of the user's, for the classes of the data."""
    if "num_classes" not in host.options:
        try:
            return hosts.load(host.name, num_classes=len(CLASSES), **host.options)
        except UnknownOptionError:
            # a factory of the user's may know its classes by itself
            pass
    return hosts.load(host.name, **host.options)


def _load(model: nn.Module, host: Host) -> None:
    """Load the weights of a host, all but those that it resets."""
    try:
        hosts.load_weights(model, str(host.weights), skip=host.reset)
    except WeightsError as problem:
        cure = (
            " What is to start at random, such as a head for other classes, is named "
            "in host.reset, such as reset: [fc]."
        )
        # it does not help with weights that the host has no place for
        helps = "Missing: " in str(problem) or "Of another shape: " in str(problem)
        told = host.reset or not helps
        raise RecipeError(f"weights: {problem}{'' if told else cure}") from problem
