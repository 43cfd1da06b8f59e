"""The attention that a network has, and how it is asked for."""

import pytest
import torch
from torch import nn

import foveate as fv
from foveate.errors import OptionError, SiteError
from foveate.surgery.attention import find_attention

EXAMPLE = (1, 3, 16, 8)


class Pair(nn.Module):
    """A block of a user's that is made of ours."""

    def __init__(self, channels):
        super().__init__()
        self.first = fv.create("se", channels)
        self.second = fv.create("spatial", channels)

    def forward(self, x):
        return self.second(self.first(x))


def net():
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU())


def graft(host, block, at, **options):
    fv.graft(host, block, at=at, example=EXAMPLE, **options)
    return host


def wheres(found):
    return [each.where for each in found]


def test_a_network_without_attention_has_none():
    assert find_attention(net()) == ()


def test_built_in_blocks_bear_their_paths():
    host = fv.backbones.resnet10(width=8, attention="cbam")

    found = find_attention(host)

    assert wheres(found) == [f"layer{n}.0.attention" for n in (1, 2, 3, 4)]
    assert all(host.get_submodule(each.path) is each.module for each in found)
    assert {each.type for each in found} == {"CBAM"}


@pytest.mark.parametrize("position", ["after", "before", "replace"])
def test_a_graft_bears_its_position_and_layer(position):
    host = graft(net(), "eca", "1", position=position)

    (found,) = find_attention(host)

    assert found.where == f"{position} 1"
    assert host.get_submodule(found.path) is found.module
    assert found.site == "1"
    assert found.has_maps


def test_a_graft_to_a_sequence_bears_the_name_that_was_asked_for():
    host = graft(nn.Sequential(net(), nn.ReLU()), "eca", "0")

    assert wheres(find_attention(host)) == ["after 0"]


def test_what_a_graft_lets_through_is_known():
    (blend,) = find_attention(graft(net(), "se", "1"))
    blend.held.amount.data[2] = -0.5
    (opened,) = find_attention(graft(net(), "cbam", "1", start="gate"))
    (plain,) = find_attention(graft(net(), "se", "1", start="paper"))

    assert (blend.amount, blend.factor) == (0.5, 1)
    assert (opened.amount, opened.factor) == (None, 4)
    assert (plain.amount, plain.factor) == (None, 1)


def test_blocks_stand_for_their_parts():
    host = nn.Sequential(fv.create("cbam", 8), fv.create("csf", 8))

    assert wheres(find_attention(host)) == ["0", "1"]


def test_a_network_that_is_a_block_is_found():
    (found,) = find_attention(fv.create("cbam", 8))

    assert (found.where, found.path) == ("CBAM", "")


def test_a_users_block_is_found_where_it_was_grafted():
    host = graft(net(), nn.BatchNorm2d, "1", start="paper")

    (found,) = find_attention(host)

    assert (found.where, found.type) == ("after 1", "BatchNorm2d")
    assert not found.has_maps


def test_a_users_block_that_is_made_of_ours_gives_way_to_them():
    host = graft(net(), "se", "1", start="paper")
    host[1].foveate.after[0].block = Pair(8)

    assert wheres(find_attention(host)) == ["after 1: first", "after 1: second"]


def test_attention_of_timm_is_found_by_its_parts(timm):
    layers = timm.layers
    host = nn.Sequential(layers.SEModule(8), layers.cbam.CbamModule(8, rd_channels=4))

    found = find_attention(host)

    assert wheres(found) == ["0", "1.channel", "1.spatial"]
    assert not any(each.has_maps for each in found)


def test_what_was_swapped_out_is_not_found(timm):
    host = nn.Sequential(nn.Conv2d(3, 8, 3), timm.layers.SEModule(8))

    fv.swap(host, "eca", example=EXAMPLE)

    assert wheres(find_attention(host)) == ["replace 1"]


@pytest.mark.parametrize(
    ("at", "want"),
    [
        ("layer1", ["layer1.0.attention"]),
        ("layer[12].0.attention", ["layer1.0.attention", "layer2.0.attention"]),
        ("re:.*2.*attention", ["layer2.0.attention"]),
        ("type:ECA", ["after layer4"]),
        ("layer4", ["layer4.0.attention", "after layer4"]),
        (["layer1", "type:ECA"], ["layer1.0.attention", "after layer4"]),
    ],
)
def test_at_means_a_block_or_what_holds_it(at, want):
    host = fv.backbones.resnet10(width=8, attention="se")
    fv.graft(host, "eca", at="layer4", example=(1, 3, 64, 32))

    assert wheres(find_attention(host, at)) == want


def test_at_may_be_a_class():
    host = nn.Sequential(fv.create("se", 8), fv.create("eca", 8))

    assert wheres(find_attention(host, fv.blocks.ECA)) == ["1"]


def test_at_that_means_no_layer_offers_near_names():
    host = graft(net(), "se", "1")

    with pytest.raises(SiteError, match=r"no layer of type 'conv'\. Did you mean"):
        find_attention(host, "type:conv")


def test_at_is_checked_in_a_network_without_attention_too():
    assert find_attention(net(), "0") == ()
    with pytest.raises(SiteError, match="no layer matches 'layr'"):
        find_attention(net(), "layr")


def test_at_that_means_no_attention_says_where_it_is():
    host = graft(net(), "se", "1")

    with pytest.raises(OptionError, match=r"'0' means has no attention.*it after 1\."):
        find_attention(host, ["1", "0"])


def test_at_without_any_layer_is_refused():
    with pytest.raises(OptionError, match=r"one layer or more, got none\. For all"):
        find_attention(graft(net(), "se", "1"), at=[])


def test_a_shared_block_is_found_once():
    block = fv.create("se", 8)

    assert wheres(find_attention(nn.Sequential(block, nn.ReLU(), block))) == ["0"]


def test_the_network_does_not_run():
    host = graft(net(), "se", "1").to("meta")

    assert wheres(find_attention(host)) == ["after 1"]
    assert torch.is_grad_enabled()
