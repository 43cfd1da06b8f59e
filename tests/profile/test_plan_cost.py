"""What a plan adds to its host, by hand and against the host measured with it."""

import pytest
import torch
from torch import nn

import foveate as fv
from foveate import backbones
from foveate.profile import plan_cost
from foveate.records import Cost, MapShape, Place, Plan


class Doubled(nn.Module):
    """A block of the user's, which draws its weights."""

    def __init__(self, channels, groups=1):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 1, groups=groups, bias=False)

    def forward(self, x):
        return self.conv(x)


USERS = f"{__file__}:Doubled"


def cost_of(block, *shapes, **settings):
    """Return the cost of a block after one layer that has maps of these shapes."""
    maps = tuple(MapShape(channels=c, height=h, width=w) for c, h, w in shapes)
    place = Place(path="layer", block=block, maps=maps, **settings)
    return plan_cost(Plan(host="Host", example=(), places=(place,))).places[0]


def parameters_and_macs(cost):
    return cost.parameters, cost.macs


def test_a_blend_costs_the_block_and_an_amount_for_each_channel():
    # 64 channels to 4 and back
    assert parameters_and_macs(cost_of("se", (64, 7, 5))) == (512 + 64, 512)


@pytest.mark.parametrize("start", ["gate", "paper"])
def test_other_starts_cost_the_block_alone(start):
    assert parameters_and_macs(cost_of("se", (64, 7, 5), start=start)) == (512, 512)


def test_a_block_that_begins_as_the_identity_has_no_blend():
    identity = cost_of("criss_cross", (16, 7, 5))

    assert identity == cost_of("criss_cross", (16, 7, 5), start="paper")


def test_options_count():
    found = cost_of("se", (64, 7, 5), options={"reduction": 8}, start="paper")

    assert found.parameters == 2 * 64 * 8


def test_each_map_of_a_layer_has_a_block_of_its_own():
    found = cost_of("spatial", (8, 7, 5), (16, 3, 3), start="paper")

    # a 7x7 kernel over mean and max, and the two numbers of a BatchNorm
    assert parameters_and_macs(found) == (2 * (98 + 2), 98 * (7 * 5 + 3 * 3))


def test_a_block_that_is_bound_to_a_size_gets_that_of_the_map():
    small, large = (cost_of("joint_cbam", (16, s, s)).parameters for s in (4, 6))

    assert small < large


def test_a_block_of_the_users_by_hand():
    found = cost_of(USERS, (8, 7, 5), options={"groups": 2})

    assert parameters_and_macs(found) == (8 * 4 + 8, 8 * 4 * 7 * 5)


def test_a_plan_costs_what_it_adds_to_its_host():
    host = backbones.resnet10(width=16)
    shape = (1, 3, 48, 40)
    alone = fv.cost(host, shape)

    plan = fv.graft(host, "cbam", at=["layer?", "**.bn1"], example=shape)

    total = plan_cost(plan).total
    together = fv.cost(host, shape)
    assert len(plan.places) == 9
    assert together.parameters - alone.parameters == total.parameters
    assert together.macs - alone.macs == total.macs


def test_a_plan_without_places_costs_nothing():
    empty = Plan(host="Host", example=(), places=())

    assert plan_cost(empty).total == Cost(parameters=0, macs=0)


@pytest.mark.parametrize("block", ["se", USERS])
def test_random_numbers_are_left_alone(block):
    before = torch.get_rng_state()

    cost_of(block, (16, 4, 4))

    assert torch.equal(torch.get_rng_state(), before)
