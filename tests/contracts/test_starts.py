"""Every block can start in a trained network as its card says."""

import re
from typing import get_args

import pytest
import torch
from torch import nn

from foveate import blocks, catalog, records
from foveate.errors import OptionError

WIDTH = 128
SIZE = (5, 7)
MODES = [True, False]

# the factor is 2 for each sigmoid of the formula
OPENING = [
    ("se", {}, 2),
    ("se", {"gate_layer": "hard_sigmoid"}, 2),
    ("se", {"bias": True, "act_layer": "silu"}, 2),
    ("eca", {}, 2),
    ("soca", {}, 2),
    ("channel", {}, 2),
    ("channel", {"pool_types": ("lp", "lse"), "bias": False}, 2),
    ("spatial", {}, 2),
    ("spatial", {"bias": True}, 2),
    ("spatial", {"norm": False}, 2),
    ("spatial", {"norm": False, "bias": True}, 2),
    ("cbam", {}, 4),
    ("cbam", {"no_spatial": True}, 2),
    ("cbam", {"spatial_norm": False, "spatial_bias": True}, 4),
    ("coordinate", {}, 4),
    ("coordinate", {"bias": False, "norm_layer": "identity"}, 4),
    ("gam", {}, 4),
    ("gam", {"groups": 4}, 4),
    ("joint_cbam", {}, 4),
    ("joint_cbam", {"output": "channel"}, 2),
    ("joint_cbam", {"output": "spatial"}, 2),
]

CLOSED = [
    ("se", {"gate_layer": nn.Tanh}, "gate_layer=Tanh", "gate_layer='sigmoid'"),
    (
        "channel",
        {"rectify_logits": True},
        "rectify_logits=True",
        "rectify_logits=False",
    ),
    ("cbam", {"rectify_logits": True}, "rectify_logits=True", "rectify_logits=False"),
    ("cbam", {"residual": True}, "residual=True", "residual=False"),
    ("gam", {"channel_gate": None}, "channel_gate=None", "channel_gate='sigmoid'"),
]


def wide(name, *, perturb=True, **options):
    """Return a block whose bottlenecks are too wide to be dead, in float64."""
    torch.manual_seed(0)
    sized = {"spatial_size": SIZE} if catalog.card(name).sized else {}
    block = blocks.create(name, WIDTH, **sized | options)
    if perturb:
        for parameter in block.parameters():
            nn.init.normal_(parameter)
    return block.double()


def images():
    random = torch.Generator().manual_seed(1)
    return torch.randn((4, WIDTH, *SIZE), generator=random, dtype=torch.float64)


def is_moved(parameter):
    return parameter.grad is not None and bool(parameter.grad.any())


def test_a_fusion_cannot_be_grafted(fusion_name):
    assert catalog.starts_of(fusion_name) == ()


def test_a_block_can_start_as_its_authors_start_it(name):
    assert "paper" in catalog.starts_of(name)


def test_the_starts_of_a_card_are_known_ones(name):
    assert set(catalog.starts_of(name)) <= set(catalog.STARTS)


@pytest.mark.parametrize("training", MODES, ids=["train", "eval"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_an_opened_gate_times_its_factor_is_the_input(
    opening_name, dtype, training, new_block, new_input
):
    block = new_block(opening_name, dtype, training=training)
    x = new_input(opening_name, dtype=dtype)

    factor = block.open_gate()

    assert (factor * block(x)).equal(x)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_an_opened_gate_is_exact_in_half_precision(
    opening_name, dtype, new_block, new_input
):
    x = new_input(opening_name, dtype=dtype)
    block = new_block(opening_name, dtype)

    factor = block.open_gate()

    # a quarter of a smaller value has fewer digits than the value
    assert x.abs().min() > 4 * torch.finfo(dtype).tiny
    assert (factor * block(x)).equal(x)


def test_every_opened_gate_learns_from_the_first_step(opening_name):
    block, x = wide(opening_name), images()

    (block.open_gate() * block(x)).square().sum().backward()

    for layer in block.last_layers():
        assert any(is_moved(parameter) for parameter in layer.parameters()), layer


def test_opening_changes_only_the_last_layers(opening_name):
    block = wide(opening_name)
    before = {key: value.clone() for key, value in block.state_dict().items()}

    block.open_gate()

    last = {id(p) for layer in block.last_layers() for p in layer.parameters()}
    changed = {k for k, v in block.state_dict().items() if not v.equal(before[k])}
    assert changed == {k for k, v in block.named_parameters() if id(v) in last}


def test_a_block_that_cannot_open_names_a_start_that_it_has(closed_name, fresh_block):
    block = fresh_block(closed_name)
    words = rf"^{type(block).__name__}: has no layer that could open its gate.*; use "

    with pytest.raises(OptionError, match=words) as caught:
        block.open_gate()

    start = re.search(r"start='(\w+)'", str(caught.value))[1]
    assert start in catalog.starts_of(closed_name)


@pytest.mark.parametrize(("known", "options", "factor"), OPENING)
def test_the_factor_is_2_for_each_sigmoid(known, options, factor):
    assert wide(known, **options).open_gate() == factor


@pytest.mark.parametrize("training", MODES, ids=["train", "eval"])
@pytest.mark.parametrize(("known", "options", "factor"), OPENING)
def test_an_opened_gate_is_exact_with_the_option(known, options, factor, training):
    block, x = wide(known, **options).train(training), images()

    block.open_gate()

    assert (factor * block(x)).equal(x)


@pytest.mark.parametrize(("known", "options", "given", "other"), CLOSED)
def test_an_option_that_keeps_a_gate_from_opening_is_named(
    known, options, given, other
):
    words = f"open its gate with {given}; use start='identity' or {other}."

    with pytest.raises(OptionError, match=re.escape(words)):
        wide(known, **options).open_gate()


def test_a_pair_of_outputs_says_which_output_can_be_opened():
    words = "open its gate with output='pair'; use output='product'."

    with pytest.raises(OptionError, match=re.escape(words)):
        wide("joint_cbam", output="pair").open_gate()


def test_a_refused_block_is_left_as_it_was():
    block = wide("cbam", residual=True)
    before = {key: value.clone() for key, value in block.state_dict().items()}

    with pytest.raises(OptionError, match="residual=True"):
        block.open_gate()

    assert all(value.equal(before[key]) for key, value in block.state_dict().items())


def test_a_blend_from_0_learns_unless_the_block_starts_as_the_identity(name):
    block, x = wide(name, perturb=False), images()
    share = torch.zeros((), dtype=x.dtype, requires_grad=True)

    (x + share * (block(x) - x)).square().sum().backward()

    learns = any(is_moved(parameter) for parameter in (share, *block.parameters()))
    assert learns is not block.starts_as_identity


def test_a_new_block_returns_its_input_if_it_says_so(name):
    block, x = wide(name, perturb=False), images()

    assert block(x).equal(x) is block.starts_as_identity


def test_plans_know_the_starts_of_cards():
    assert get_args(records.Start) == get_args(catalog.Start)
