"""Plan which block goes where: looks only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from torch import nn

from foveate import _checks
from foveate.errors import FoveateError, SiteError
from foveate.records import POSITIONS, Place, Plan, Position, Refusal, Site, Start
from foveate.surgery._making import BlockLike, check_block, check_choice, name_of
from foveate.surgery._proving import unprovable
from foveate.surgery._refusals import carrier_of
from foveate.surgery._selecting import Selector, select
from foveate.surgery._survey import Survey, survey
from foveate.surgery.finding import every_site
from foveate.surgery.running import Example, inputs_of, shapes_of

__all__ = ["plan", "plan_for"]


def plan(
    model: nn.Module,
    block: BlockLike,
    *,
    at: Selector | Sequence[Selector],
    example: Example,
    position: Position = "after",
    start: Start = "identity",
    options: Mapping[str, Any] | None = None,
) -> Plan:
    """Return which sites of a host get a block, and why others cannot.

    Nothing is changed. The host runs twice: as for ``sites``, and with something that
    does nothing in every place, which must not change its output.

    Args:
        model: The host.
        block: A name of the catalogue, or a class of yours that takes channels first.
        at: Which layers. A pattern over their paths, where ``*`` stays within one part
            of a path, ``**`` spans parts and ``{a,b}`` is either; ``re:`` and a regular
            expression; ``type:C2f|SPPF``; ``stage:-1``; a class; a function of a
            ``Site``; or several of these.
        example: The shape of the host's input, or an input; see ``sites``.
        position: ``after`` the layer; ``before`` it; or ``replace``: in its place.
        start: ``identity``: a learned blend that begins as exactly the input;
            ``gate``: gates that begin at exactly one, for blocks whose card says so;
            ``paper``: the block as it is.
        options: Options of the block.

    Returns:
        The plan. What was asked for and cannot be is under ``refused``, with reasons.

    Raises:
        SiteError: ``at`` means no layer, or the host is compiled or wrapped.
        UnknownNameError: There is no such block.
        OptionError: The host does not run with the example, or a value cannot work.

    Example:
        >>> host = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU())
        >>> print(plan(host, "se", at="1", example=(1, 3, 8, 8)))
        where    block  start     channels x size
        after 1  se     identity  8 x 8x8
    """
    seen = survey(model, inputs_of(model, example))
    found = plan_for(
        seen, block, at=at, position=position, start=start, options=options
    )
    amiss = unprovable(found.places, seen)
    refused = [Refusal(path=path, reason=why) for path, why in amiss.items()]
    places = [place for place in found.places if place.path not in amiss]
    return found.model_copy(
        update={"places": tuple(places), "refused": (*found.refused, *refused)}
    )


def plan_for(
    seen: Survey,
    block: BlockLike,
    *,
    at: Selector | Sequence[Selector],
    position: Position = "after",
    start: Start = "identity",
    options: Mapping[str, Any] | None = None,
) -> Plan:
    """Return the plan for a host that was looked at already; see ``plan``."""
    _checks.one_of("plan", POSITIONS, position=position)
    _checks.one_of("plan", get_args(Start), start=start)
    name = name_of(block)
    options = dict(options or {})
    check_choice(name, start, options)
    chosen = select(at, every_site(seen), seen.model)
    places: list[Place] = []
    refused: list[Refusal] = []
    carriers: dict[str | None, str] = {}
    for site in chosen:
        carrier = carrier_of(seen.model, site.path, position)
        try:
            if carrier in carriers:
                raise SiteError(
                    f"is the same place as {carriers[carrier]}, which gets the block "
                    "already. Select one of the two."
                )
            _check_apart(site, position, places)
            places.append(_place(site, name, position, start, options))
            carriers[carrier] = site.path
        except FoveateError as problem:
            refused.append(Refusal(path=site.path, reason=str(problem)))
    return Plan(
        host=type(seen.model).__name__,
        example=shapes_of(seen.inputs),
        places=tuple(places),
        refused=tuple(refused),
    )


def _check_apart(site: Site, position: Position, places: Sequence[Place]) -> None:
    """Raise SiteError if a layer to replace holds another that is replaced."""
    # what a layer holds has ended before it, so it comes first
    within = [p.path for p in places if p.path.startswith(f"{site.path}.")]
    if position == "replace" and within:
        raise SiteError(
            f"holds {within[0]}, which is to be replaced by itself. Select one of the "
            "two."
        )


def _place(
    site: Site,
    name: str,
    position: Position,
    start: Start,
    options: dict[str, Any],
) -> Place:
    if position in site.refusals:
        raise SiteError(site.refusals[position])
    place = Place(
        path=site.path,
        block=name,
        options=options,
        position=position,
        start=start,
        maps=site.maps(position),
        replaced=site.type if position == "replace" else None,
    )
    check_block(place)
    return place
