"""A plan: which blocks go where, and what is said of those that cannot."""

import copy
from pathlib import Path

import pytest
import torch
from torch import nn

import foveate as fv
from foveate._loading import load_file
from foveate.errors import FoveateError, OptionError, SiteError
from foveate.records import Plan

small = load_file(Path(__file__).with_name("small.py"))
EXAMPLE = small.EXAMPLE
Double = small.Double


def conv(channels=3):
    return nn.Conv2d(3, channels, 3, padding=1)


def host():
    return nn.Sequential(
        conv(), nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU()), nn.MaxPool2d(2)
    )


def plan(at="1", block="se", net=None, **options):
    return fv.plan(net or host(), block, at=at, example=EXAMPLE, **options)


def test_a_plan_says_what_goes_where():
    found = plan(at=["0", "2"], options={"reduction": 2}, start="gate")

    said = [(p.path, p.block, p.options, p.position, p.start) for p in found.places]
    assert said == [
        ("0", "se", {"reduction": 2}, "after", "gate"),
        ("2", "se", {"reduction": 2}, "after", "gate"),
    ]


def test_a_plan_has_the_maps_of_its_places():
    assert [str(p.maps[0]) for p in plan(at="*").places] == [
        "3 x 16x8",
        "8 x 16x8",
        "8 x 8x4",
    ]


def test_a_block_before_a_layer_has_the_maps_that_the_layer_gets():
    (place,) = plan(at="2", position="before").places

    assert str(place.maps[0]) == "8 x 16x8"


def test_planning_changes_nothing():
    net = host()
    keys = list(net.state_dict())

    plan(net=net)

    assert list(net.state_dict()) == keys
    assert not any(module._forward_hooks for module in net.modules())


def test_planning_leaves_random_numbers_as_they_were():
    net, before = host(), torch.get_rng_state()

    plan(net=net, block=Double)

    assert torch.get_rng_state().equal(before)


@pytest.mark.parametrize(
    ("position", "first"), [("after", "1.1"), ("before", "1.0"), ("replace", "1.1")]
)
def test_a_sequence_and_the_step_that_carries_its_block_are_one_place(position, first):
    net = nn.Sequential(conv(), nn.Sequential(nn.ReLU(), nn.Sigmoid()))

    found = plan(at=["1", first], net=net, position=position)

    assert [place.path for place in found.places] == [first]
    assert [refused.path for refused in found.refused] == ["1"]
    assert found.refused[0].reason.endswith("Select one of the two.")


def test_the_names_of_one_place_are_taken_apart_by_selecting_one():
    found = plan(at="1")

    assert [place.path for place in found.places] == ["1"]


def test_a_plan_with_refusals_is_not_applied():
    net = nn.Sequential(conv(), nn.Flatten())
    found = plan(at="*", net=net)

    with pytest.raises(SiteError, match=r"^1: returns no feature maps.*\.fitting\(\)"):
        fv.graft(net, found)


def test_a_fitting_plan_leaves_the_refusals_out():
    net = nn.Sequential(conv(), nn.Flatten())

    done = fv.graft(net, plan(at="*", net=net).fitting())

    assert [place.path for place in done.places] == ["0"]


def test_a_refusal_counts_the_others():
    net = nn.Sequential(conv(), nn.Flatten(), nn.Dropout())
    words = r"^1: returns .* \(1 more sites are refused: see plan.refused"

    with pytest.raises(SiteError, match=words):
        fv.graft(net, "se", at="*", example=EXAMPLE)


def test_a_plan_without_places_is_refused():
    with pytest.raises(SiteError, match="the plan has no places, so there is nothing"):
        fv.graft(host(), plan(at=[]))


def test_a_plan_is_read_back_and_applied_to_a_copy(tmp_path):
    net = host()
    other = copy.deepcopy(net)
    path = plan(at="*", net=net, options={"reduction": 2}).save(tmp_path / "plan.yaml")

    fv.graft(other, Plan.load(path))

    keys = [key for key in other.state_dict() if key.endswith("amount")]
    assert keys == [
        "0.foveate.after.0.amount",
        "1.1.foveate.after.0.amount",
        "2.foveate.after.0.amount",
    ]


def test_a_plan_is_applied_with_images_of_the_users():
    net = host()

    fv.graft(net, plan(net=net), example=torch.zeros(2, 3, 5, 9))

    assert [block.path for block in fv.grafts(net)] == ["1"]


def test_a_plan_makes_the_same_blocks_as_the_call_that_it_stands_for(tmp_path):
    one, other = host(), host()
    other.load_state_dict(one.state_dict())
    path = plan(at="*", net=one).save(tmp_path / "plan.json")

    torch.manual_seed(1)
    fv.graft(one, "se", at="*", example=EXAMPLE)
    torch.manual_seed(1)
    fv.graft(other, Plan.load(path))

    values = other.state_dict()
    assert all(value.equal(values[key]) for key, value in one.state_dict().items())


def test_a_plan_for_a_layer_that_the_host_has_not_offers_near_ones():
    found = plan(at="1.1")
    words = r"^1\.1: Sequential has no such layer. .* was made for Sequential\.$"

    with pytest.raises(SiteError, match=words):
        fv.graft(nn.Sequential(conv(), nn.ReLU()), found)


def test_a_plan_for_other_channels_says_both():
    found = plan(at="1")
    net = nn.Sequential(conv(), nn.Sequential(nn.Conv2d(3, 6, 1)), nn.ReLU())
    words = r"^1: the plan is for maps of \[8\] channels, and Sequential has \[6\]"

    with pytest.raises(SiteError, match=words):
        fv.graft(net, found)


def test_a_plan_for_a_place_that_cannot_have_a_block_says_why():
    found = plan(at="2")
    net = nn.Sequential(conv(), nn.Sequential(nn.Conv2d(3, 8, 1)), nn.Flatten())

    with pytest.raises(SiteError, match=r"^2: returns no feature maps: \(1, 1024\)"):
        fv.graft(net, found)


@pytest.mark.parametrize("paths", [("1", "1"), ("1", "1.1"), ("1.1", "1")], ids=str)
def test_a_plan_that_has_a_place_twice_is_refused(paths):
    first, second = plan(at=paths[0]), plan(at=paths[1])
    both = first.model_copy(update={"places": first.places + second.places})
    net = host()

    with pytest.raises(SiteError, match=f"^{paths[1]}: the plan has a block after"):
        fv.graft(net, both)

    assert not any(module._forward_hooks for module in net.modules())


@pytest.mark.parametrize(
    "keywords",
    [{"at": "1"}, {"position": "before"}, {"start": "paper"}, {"options": {}}],
    ids=str,
)
def test_what_a_plan_says_cannot_be_said_beside_it(keywords):
    (name,) = keywords
    words = f"a plan says where its blocks go and how. Leave out {name}="

    with pytest.raises(OptionError, match=words):
        fv.graft(host(), plan(), **keywords)


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"position": "behind"}, "position cannot be 'behind'. Known: after, before,"),
        (
            {"start": "identitty"},
            "start cannot be 'identitty'. Did you mean 'identity'",
        ),
    ],
    ids=str,
)
def test_a_word_that_is_not_known_offers_those_that_are(keywords, words):
    with pytest.raises(OptionError, match=f"^plan: {words}"):
        plan(**keywords)


def test_a_layer_and_another_within_it_are_not_both_replaced():
    found = plan(at=["1", "1.0"], net=nn.Sequential(conv(), nn.Sequential(conv())))

    assert [refused.path for refused in found.refused] == ["1"]


def test_a_graft_without_a_place_says_how_to_name_one():
    words = r"say where the block goes, .* fv.sites\(model, example\) lists"

    with pytest.raises(OptionError, match=words):
        fv.graft(host(), "se", example=EXAMPLE)


def test_every_error_of_a_plan_is_one_of_ours():
    with pytest.raises(FoveateError):
        plan(at=None)


class Chain(nn.Module):
    """A layer that runs its children one after another."""

    def __init__(self):
        super().__init__()
        self.one, self.two = conv(), nn.ReLU()

    def forward(self, x):
        for child in self.children():
            x = child(x)
        return x


def test_a_plan_refuses_what_only_running_shows():
    net = nn.Sequential(conv(), Chain(), nn.ReLU())

    plan = fv.plan(net, "se", at=["1", "2"], example=EXAMPLE)

    assert [place.path for place in plan.places] == ["2"]
    (refused,) = plan.refused
    assert refused.path == "1"
    assert "Graft to one of them: 1.one, 1.two." in refused.reason


def test_a_plan_without_what_it_refused_can_be_grafted():
    net = nn.Sequential(conv(), Chain(), nn.ReLU())
    plan = fv.plan(net, "se", at=["1", "2"], example=EXAMPLE)

    done = fv.graft(net, plan.fitting())

    assert [place.path for place in done.places] == ["2"]
