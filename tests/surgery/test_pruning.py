"""Blocks are taken out again, and the host is what it was."""

from pathlib import Path

import pytest
import torch
from torch import nn

import foveate as fv
from foveate._loading import load_file
from foveate.errors import SiteError

small = load_file(Path(__file__).with_name("small.py"))
conv = small.conv
net = small.net
graft = small.graft
rouse = small.rouse
tree = small.tree
held = small.held
Wrapper = small.Wrapper


def test_pruning_by_a_pattern_leaves_other_blocks():
    host = net()
    graft(host, ["0", "1.1", "2"])

    taken = fv.prune(host, at="[01].**")

    assert [place.path for place in taken.places] == ["0", "1.1"]
    assert held(host) == [("2", "after")]


@pytest.mark.parametrize("at", ["type:Conv2d", nn.Conv2d, "re:[02]"], ids=str)
def test_pruning_takes_selectors_of_types_and_classes(at):
    host = net()
    graft(host, ["0", "1", "2"])

    fv.prune(host, at=at)

    assert held(host) == [("1", "after")]


def test_pruning_what_holds_no_block_offers_what_does():
    host = net()
    graft(host, "1.1.0")

    with pytest.raises(SiteError, match=r"no layer matches '1.1.1'. Did you mean"):
        fv.prune(host, at="1.1.1")


def test_pruning_a_pattern_of_a_host_without_blocks_says_that_it_has_none():
    with pytest.raises(SiteError, match=r"^prune: no layer of Sequential has a block"):
        fv.prune(net(), at="1")


def test_pruning_a_host_without_blocks_takes_nothing():
    assert fv.prune(net()) is None


def test_pruning_a_part_of_a_host_takes_the_blocks_of_that_part():
    host = net()
    graft(host, ["0", "1"])

    taken = fv.prune(host[1])

    # as seen from that part
    assert [place.path for place in taken.places] == ["1.1"]
    assert held(host) == [("0", "after")]


def test_what_was_pruned_from_a_part_can_be_grafted_to_it_again():
    host = net()
    graft(host, "1")

    fv.graft(host[1], fv.prune(host[1]))

    assert held(host) == [("1.1.1", "after")]


def test_what_was_pruned_can_be_grafted_again():
    host = net()
    graft(host, ["0", "1"])
    rouse(host)

    fv.graft(host, fv.prune(host))

    assert held(host) == [("0", "after"), ("1", "after")]
    assert not any(v.any() for k, v in host.state_dict().items() if "amount" in k)


@pytest.mark.parametrize("position", ["after", "before", "replace"])
def test_pruning_leaves_the_tree_and_its_hooks_as_they_were(position):
    host = net()
    host[1].register_forward_hook(lambda *_: None)
    before = tree(host)

    graft(host, "1", position=position)
    fv.prune(host)

    assert tree(host) == before


def test_a_replaced_layer_comes_back_in_the_mode_of_the_host():
    host = nn.Sequential(nn.BatchNorm2d(3)).train()
    graft(host, "0", position="replace")

    host.eval()
    fv.prune(host)

    assert not host[0].training


def test_a_replaced_layer_moves_with_the_host():
    host = net()
    graft(host, "2", position="replace")

    host.double()
    fv.prune(host)

    assert host[2].weight.dtype == torch.float64


def test_pruning_a_layer_that_answers_for_another_takes_each_block_once():
    host = nn.Sequential(Wrapper(conv()))
    before = tree(host)
    graft(host, ["0", "0.inner"])

    fv.prune(host)

    assert tree(host) == before
