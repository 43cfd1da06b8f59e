"""Put blocks into a host, and take them out again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from foveate import _checks
from foveate.errors import OptionError, SiteError
from foveate.records import Place, Plan, Position, Site, Start
from foveate.surgery._attaching import Held, attach_all, detach_all, held_by
from foveate.surgery._making import BlockLike
from foveate.surgery._proving import prove_blocks, prove_places
from foveate.surgery._refusals import carrier_of
from foveate.surgery._selecting import Selector, select
from foveate.surgery._survey import Survey, survey
from foveate.surgery.creating import new_blocks
from foveate.surgery.finding import every_site
from foveate.surgery.planning import plan_for
from foveate.surgery.running import Example, inputs_of

__all__ = ["graft", "planned", "prune"]


def graft(
    model: nn.Module,
    block: BlockLike | Plan,
    *,
    at: Selector | Sequence[Selector] | None = None,
    example: Example = None,
    position: Position | None = None,
    start: Start | None = None,
    options: Mapping[str, Any] | None = None,
) -> Plan:
    """Put blocks into a host, in place, and return the plan of it.

    The host's own state-dict keys stay as they are; those of a block stand under its
    layer, in ``foveate``. Copies, EMA, pickle, ``torch.compile``, ``torch.export`` and
    DDP keep the blocks. Graft before you compile or wrap, and before the optimizer is
    made, so that it knows of the new parameters.

    The host is run three times to prove it: as it is; with something that does nothing
    in every place, which must change no bit and run once; and, if the blocks start as
    the identity, with them. If anything is amiss, all is taken out again.

    Args:
        model: The host.
        block: A plan, which says all the rest; or a block, as for ``plan``.
        at: Which layers; see ``plan``.
        example: The host's input, or its shape; see ``sites``. With a plan, the one
            of the plan if not given.
        position: ``after`` the layer (the default), ``before`` it, or ``replace``.
        start: ``identity`` (the default), ``gate`` or ``paper``; see ``plan``.
        options: Options of the block.

    Raises:
        SiteError: A block cannot go to a place; the message says why, and what would
            work. The host is as it was.
        OptionError: The host does not run with the example, or a value cannot work.
        UnknownNameError: There is no such block.

    Example:
        >>> import torch
        >>> host = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU())
        >>> x = torch.randn(2, 3, 9, 7)
        >>> before = host(x)
        >>> done = graft(host, "se", at="1", example=(1, 3, 8, 8))
        >>> torch.equal(host(x), before), [k for k in host.state_dict() if "fc1" in k]
        (True, ['1.foveate.after.0.block.fc1.weight'])
    """
    keywords = {"at": at, "position": position, "start": start, "options": options}
    given: dict[str, Any] = {k: v for k, v in keywords.items() if v is not None}
    if isinstance(block, Plan):
        if example is None:
            example = block.example or None
        seen = survey(model, inputs_of(model, example))
        chosen = _checked(block, seen, given)
    elif at is not None:
        seen = survey(model, inputs_of(model, example))
        chosen = plan_for(seen, block, **given)
    else:
        raise OptionError(
            "graft: say where the block goes, such as at='layer4' or at='stage:-1'. "
            "fv.sites(model, example) lists the places."
        )
    _refuse(chosen)
    _apply(chosen, seen)
    return chosen


def prune(
    model: nn.Module, *, at: Selector | Sequence[Selector] | None = None
) -> Plan | None:
    """Take blocks out of a host again, and return the plan of what was taken out.

    Without ``at`` all go, and the host is to the bit what it was: its layers, hooks and
    outputs. A layer that was replaced comes back with the weights that it had.

    Args:
        model: A host with blocks.
        at: Only the blocks of these layers: the pattern that they were grafted with,
            or another; see ``plan``. Stages and functions of a site are not known here.

    Returns:
        The plan, with which ``graft`` puts new blocks there; None if there were none.

    Raises:
        SiteError: ``at`` means no layer with a block.

    Example:
        >>> host = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
        >>> _ = graft(host, "se", at="1", example=(1, 3, 8, 8))
        >>> prune(host).places[0].path, list(host.state_dict())
        ('1', ['0.weight', '0.bias'])
    """
    held = held_by(model)
    if at is not None and not held:
        raise SiteError(
            f"prune: no layer of {type(model).__name__} has a block, so at={at!r} "
            "means none. Leave it out to take out what there is, if anything."
        )
    if at is not None:
        chosen = {site.path for site in select(at, [_as_site(h) for h in held], model)}
        held = [each for each in held if each.place.path in chosen]
    found = _plan_of(model, held)
    detach_all(model, held)
    return found


def planned(model: nn.Module) -> Plan | None:
    """Return the plan of the blocks that a host has; None if it has none."""
    return _plan_of(model, held_by(model))


def _plan_of(model: nn.Module, held: Sequence[Held]) -> Plan | None:
    if not held:
        return None
    return Plan(
        host=type(model).__name__,
        example=held[0].graft.example,
        places=tuple(each.place for each in held),
    )


def _as_site(held: Held) -> Site:
    maps = held.place.maps
    kind = held.place.replaced or type(held.layer).__name__
    return Site(path=held.place.path, type=kind, outputs=maps, inputs=maps, stride=None)


def _refuse(plan: Plan) -> None:
    """Raise SiteError if a place was refused, or there is none."""
    if plan.refused:
        reasons = [f"{each.path}: {each.reason}" for each in plan.refused]
        more = len(reasons) - 1
        rest = f" ({more} more sites are refused: see plan.refused.)" if more else ""
        cure = (
            " To graft to the others only, make the plan first: "
            "fv.graft(model, fv.plan(...).fitting())."
        )
        raise SiteError(f"{reasons[0]}{rest}{cure if plan.places else ''}")
    if not plan.places:
        raise SiteError("the plan has no places, so there is nothing to graft.")


def _checked(plan: Plan, seen: Survey, given: Mapping[str, Any]) -> Plan:
    """Return a plan, maybe of another day, after checking that it fits the host.

    Raises:
        SiteError: It does not.
        OptionError: Something that the plan says was given beside it.
    """
    if given:
        raise OptionError(
            "graft: a plan says where its blocks go and how. Leave out "
            f"{' and '.join(f'{name}=' for name in given)}, or give the name of a "
            "block instead of the plan."
        )
    sites = {site.path: site for site in every_site(seen)}
    host = type(seen.model).__name__
    taken: dict[tuple[str | None, Position], str] = {}
    for place in plan.places:
        site = sites.get(place.path)
        if site is None:
            raise SiteError(
                f"{place.path}: {host} has no such layer. "
                f"{_checks.suggest(place.path, sites)} The plan was made for "
                f"{plan.host}."
            )
        if place.position in site.refusals:
            raise SiteError(f"{place.path}: {site.refusals[place.position]}")
        there = carrier_of(seen.model, place.path, place.position), place.position
        if there in taken:
            raise SiteError(
                f"{place.path}: the plan has a block {place.position} {taken[there]} "
                "already, which is the same place. Take one of the two out of it."
            )
        taken[there] = place.path
        here = [shape.channels for shape in site.maps(place.position)]
        planned = [shape.channels for shape in place.maps]
        if here != planned:
            raise SiteError(
                f"{place.path}: the plan is for maps of {planned} channels, and "
                f"{host} has {here} there. Make it anew: fv.plan(model, ...)."
            )
    return plan


def _apply(plan: Plan, seen: Survey) -> None:
    """Graft, and prove that nothing else was changed; else leave all as it was."""
    prove_places(plan, seen)

    def create(place: Place) -> list[nn.Module]:
        path = carrier_of(seen.model, place.path, place.position)
        layer = seen.layers[path or place.path]
        dtype = layer.dtype if place.position == "after" else layer.got
        # made on the CPU, so that first weights are the same on any device
        device = "meta" if layer.device.type == "meta" else "cpu"
        return [block.to(layer.device, dtype) for block in new_blocks(place, device)]

    held = attach_all(seen.model, plan.places, plan.example, create)
    try:
        prove_blocks(held, seen)
    except BaseException:
        detach_all(seen.model, held)
        raise
