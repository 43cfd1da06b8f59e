"""Blocks are put into a host, whole or not at all."""

import copy
from pathlib import Path

import pytest
import torch
from torch import nn

import foveate as fv
from foveate._loading import load_file
from foveate.errors import OptionError

small = load_file(Path(__file__).with_name("small.py"))
EXAMPLE = small.EXAMPLE
conv = small.conv
net = small.net
graft = small.graft
rouse = small.rouse
tree = small.tree
held = small.held
Wrapper = small.Wrapper


class Scale(nn.Module):
    """A block of a user's, with weights that are drawn."""

    def __init__(self, channels, *, bias=0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(channels, 1, 1))
        self.bias = bias

    def forward(self, x):
        return x * self.weight + self.bias


class Failing(Scale):
    """A block whose third cannot be made."""

    made = 0

    def __init__(self, channels):
        super().__init__(channels)
        type(self).made += 1
        # one is made for each of three places to see whether it fits
        if type(self).made > 5:
            raise MemoryError("no room for another")


class Stopping(Scale):
    """A block that the user stops at its first run in the host."""

    def forward(self, x):
        if len(x) == 1:
            raise KeyboardInterrupt
        return x


class Typed(nn.Module):
    """A layer that changes the type of its map."""

    def forward(self, x):
        return x.double()


class Ratio(nn.Module):
    def forward(self, x, by):
        return x / by


class Halved(nn.Module):
    """A host of a layer that takes two arguments."""

    def __init__(self):
        super().__init__()
        self.ratio = Ratio()

    def forward(self, x):
        return self.ratio(x, torch.tensor(2.0))


class Mapping(nn.Module):
    def forward(self, x):
        return {"out": x}


def test_the_last_child_of_a_sequence_holds_what_comes_after_it():
    host = net()

    graft(host, "1")

    keys = [key for key in host.state_dict() if key.endswith("amount")]
    assert keys == ["1.1.1.foveate.after.0.amount"]


def test_the_first_child_of_a_sequence_holds_what_comes_before_it():
    host = net()

    graft(host, "1", position="before")

    keys = [key for key in host.state_dict() if key.endswith("amount")]
    assert keys == ["1.0.foveate.before.0.amount"]


@pytest.mark.parametrize("position", ["after", "before"])
def test_a_block_at_a_sequence_is_run_where_the_sequence_stands(position):
    host, x = net(), torch.randn(EXAMPLE)

    graft(host, "1", Scale, position=position, start="paper", options={"bias": 1.0})

    block = next(m for m in host.modules() if isinstance(m, Scale))
    first, middle, last = copy.deepcopy(host)
    fv.prune(middle)
    want = block(middle(first(x))) if position == "after" else middle(block(first(x)))
    torch.testing.assert_close(host(x), last(want))


def test_a_replacement_computes_what_the_block_does():
    host, x = net(), torch.randn(EXAMPLE)
    first, _, last = copy.deepcopy(host)

    graft(host, "1", Scale, position="replace", start="paper")

    block = next(m for m in host.modules() if isinstance(m, Scale))
    torch.testing.assert_close(host(x), last(block(first(x))))


def test_blocks_are_grafted_after_and_before_one_layer():
    host = net()

    graft(host, "2")
    graft(host, "2", "eca", position="before")

    assert held(host) == [("2", "after"), ("2", "before")]


def test_blocks_are_grafted_at_different_layers_one_after_another():
    host = net()

    graft(host, "2")
    graft(host, "0", "eca")

    assert held(host) == [("0", "after"), ("2", "after")]


def test_a_second_graft_leaves_the_blocks_of_the_first_as_they_are():
    host, x = net().eval(), torch.randn(EXAMPLE)
    graft(host, "2")
    rouse(host)
    before = host(x)

    graft(host, "0", "eca")

    assert host(x).equal(before)


def test_a_block_that_cannot_be_made_leaves_the_host_as_it_was(monkeypatch):
    monkeypatch.setattr(Failing, "made", 0)
    host = net()
    before = tree(host)

    with pytest.raises(OptionError, match="MemoryError: no room for another"):
        graft(host, ["0", "1", "2"], Failing)

    # two of the three were held already
    assert Failing.made == 6
    assert tree(host) == before


def test_a_stop_by_the_user_leaves_the_host_as_it_was():
    host = net()
    before = tree(host)

    with pytest.raises(KeyboardInterrupt):
        graft(host, "1", Stopping)

    assert tree(host) == before


def test_random_numbers_go_on_as_after_the_making_of_the_blocks():
    host = net()
    torch.manual_seed(3)
    made = [Scale(3), Scale(3)]
    expected = torch.get_rng_state()

    torch.manual_seed(3)
    graft(host, ["0", "2"], Scale)

    assert torch.get_rng_state().equal(expected)
    assert host[2].foveate.after[0].block.weight.equal(made[1].weight)


@pytest.mark.parametrize("training", [True, False])
def test_blocks_are_in_the_mode_of_their_layer(training):
    host = net().train(training)

    graft(host, "2")

    assert host[2].foveate.after[0].block.training is training


def test_blocks_of_a_frozen_host_learn():
    host = net().requires_grad_(requires_grad=False)

    graft(host, "2")

    learning = [key for key, value in host.named_parameters() if value.requires_grad]
    assert learning
    assert all(".foveate." in key for key in learning)


def test_grafting_without_gradients_leaves_blocks_that_learn():
    host = net()

    with torch.no_grad():
        graft(host, "2")

    assert all(parameter.requires_grad for parameter in host.parameters())


def test_grafting_in_inference_mode_leaves_blocks_that_learn():
    host = net()

    with torch.inference_mode():
        graft(host, "2")

    host(torch.randn(EXAMPLE)).sum().backward()
    assert host[2].foveate.after[0].amount.grad is not None


def test_blocks_of_a_part_are_seen_from_the_whole_host():
    host = net()

    graft(host[1], "1.0")

    assert held(host) == [("1.1.0", "after")]


def test_a_block_before_a_layer_of_two_arguments_changes_the_first():
    host = Halved()
    x = torch.randn(EXAMPLE)
    graft(host, "ratio", Scale, position="before", start="paper")
    scale = host.ratio.foveate.before[0].block.weight

    torch.testing.assert_close(host(x), x * scale / 2)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=str)
def test_blocks_have_the_precision_of_their_layer(dtype):
    host = net().to(dtype)

    graft(host, "2")

    assert all(parameter.dtype is dtype for parameter in host.parameters())


@pytest.mark.parametrize(
    ("position", "dtype"), [("before", torch.float32), ("after", torch.float64)]
)
def test_blocks_have_the_precision_of_their_map(position, dtype):
    host = nn.Sequential(conv(), Typed())

    graft(host, "1", position=position)

    block = host[1].foveate.get_submodule(position)
    assert {parameter.dtype for parameter in block.parameters()} == {dtype}


def test_blocks_have_the_precision_of_maps_in_a_mapping():
    host = nn.Sequential(Mapping()).double()

    fv.graft(host, "se", at="0", example=torch.ones(EXAMPLE, dtype=torch.float64))

    block = host[0].foveate.after[0]
    assert {parameter.dtype for parameter in block.parameters()} == {torch.float64}


def test_a_host_on_the_meta_device_gets_blocks_there():
    with torch.device("meta"):
        host = net()

    graft(host, ["0", "1", "2"])

    assert all(parameter.is_meta for parameter in host.parameters())


def test_a_block_of_a_file_is_run(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "from torch import nn\n\n\n"
        "class Mine(nn.Module):\n"
        "    def __init__(self, channels, *, by=2.0):\n"
        "        super().__init__()\n"
        "        self.by = by\n\n"
        "    def forward(self, x):\n"
        "        return x * self.by\n"
    )
    host, x = net(), torch.randn(EXAMPLE)
    before = host(x)

    graft(host, "2", f"{path}:Mine", start="paper", options={"by": 3.0})

    torch.testing.assert_close(host(x), before * 3)


def test_a_block_of_a_class_is_blended_in():
    host, x = net(), torch.randn(EXAMPLE)
    before = host(x)
    graft(host, "2", Scale, options={"bias": 4.0})
    host[2].foveate.after[0].block.weight.data.fill_(1)

    rouse(host)

    # half of the way from x to x + 4
    torch.testing.assert_close(host(x), before + 2)


def test_a_layer_that_answers_for_another_and_that_other_are_two():
    host = nn.Sequential(Wrapper(conv()))

    graft(host, "0.inner")
    graft(host, "0", "eca")

    assert held(host) == [("0", "after"), ("0.inner", "after")]
