"""Count what the blocks of a plan add to their host."""

from __future__ import annotations

import torch

from foveate.profile.counting import count
from foveate.records import Cost, Place, Plan, PlanCost
from foveate.surgery.creating import new_blocks

__all__ = ["plan_cost"]


def plan_cost(plan: Plan) -> PlanCost:
    """Return what each block of a plan costs for one image, without its host.

    It is what grafting adds to the host: the block, with the amounts of its blend if it
    has one, once for each map of its place. What a block that replaces a layer saves is
    not in it.

    Args:
        plan: A plan, from ``fv.plan`` or a file.

    Raises:
        UnknownNameError: There is no such block.
        OptionError: A block does not fit its maps.

    Example:
        >>> from torch import nn
        >>> from foveate import surgery
        >>> host = nn.Sequential(nn.Conv2d(3, 64, 3, padding=1), nn.ReLU())
        >>> plan = surgery.plan(host, "se", at="1", example=(1, 3, 7, 7))
        >>> total = plan_cost(plan).total
        >>> total.parameters, total.macs  # 64 to 4 channels and back, and 64 amounts
        (576, 512)
    """
    return PlanCost(places=tuple(_cost_of(place) for place in plan.places))


def _cost_of(place: Place) -> Cost:
    # those of the catalogue take no memory; a user's may need some
    device = "meta" if place.is_ours else "cpu"
    with torch.random.fork_rng(devices=[]):
        blocks = new_blocks(place, device)
    found = [
        count(block, (1, shape.channels, shape.height, shape.width))
        for block, shape in zip(blocks, place.maps, strict=True)
    ]
    return PlanCost(places=tuple(found)).total
