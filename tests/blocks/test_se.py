"""What only squeeze-and-excitation promises; the rest is in tests/contracts."""

import math

import pytest
import torch
from torch import nn

from foveate.blocks import SqueezeExcite
from foveate.errors import OptionError


def count(block):
    return sum(p.numel() for p in block.parameters())


@pytest.mark.parametrize(
    ("channels", "bias", "parameters"),
    [
        (64, False, 512),
        (256, False, 8_192),
        (512, False, 32_768),
        (64, True, 580),
        (256, True, 8_464),
        (512, True, 33_312),
    ],
)
def test_has_as_many_parameters_as_the_paper(channels, bias, parameters):
    assert count(SqueezeExcite(channels, bias=bias)) == parameters


def test_zero_weights_halve_the_input():
    block = SqueezeExcite(4, reduction=2)
    nn.init.zeros_(block.fc2.weight)
    x = torch.randn(2, 4, 3, 5)

    assert block(x).equal(x / 2)


def test_gate_matches_the_formula_by_hand():
    block = SqueezeExcite(2, reduction=1).double()
    identity = torch.eye(2).reshape(2, 2, 1, 1)
    block.load_state_dict({"fc1.weight": identity, "fc2.weight": identity})
    x = torch.tensor([math.log(3), -5.0], dtype=torch.float64)
    x = x.reshape(1, 2, 1, 1).expand(1, 2, 3, 4)

    y = block(x)

    # sigmoid(ln 3) = 3/4; relu cuts -5 to 0, and sigmoid(0) = 1/2
    want = torch.tensor([0.75 * math.log(3), -2.5], dtype=torch.float64)
    torch.testing.assert_close(y[0, :, 2, 3], want)


def test_the_bottleneck_works_by_hand():
    block = SqueezeExcite(2, reduction=2)
    down = torch.tensor([1.0, -1.0]).reshape(1, 2, 1, 1)
    up = torch.tensor([1.0, 2.0]).reshape(2, 1, 1, 1)
    block.load_state_dict({"fc1.weight": down, "fc2.weight": up})
    x = torch.tensor([[[[4.0, 2.0]], [[1.0, 1.0]]]])  # means are 3 and 1

    gate = block.gate(x)

    # relu(3 - 1) = 2, then sigmoid(2 * 1) and sigmoid(2 * 2)
    want = torch.tensor([0.8807970, 0.9820138]).reshape(1, 2, 1, 1)
    torch.testing.assert_close(gate, want)


def test_commutes_with_any_order_of_places():
    torch.manual_seed(0)
    block = SqueezeExcite(8, reduction=2).double()
    x = torch.randn(2, 8, 3, 5, dtype=torch.float64)
    order = torch.randperm(15)

    def reorder(x):
        return x.flatten(2)[:, :, order].reshape(x.shape)

    torch.testing.assert_close(block(reorder(x)), reorder(block(x)))


@pytest.mark.parametrize(
    ("channels", "reduction", "width"), [(64, 16, 4), (8, 16, 1), (100, 16, 6)]
)
def test_bottleneck_keeps_at_least_one_channel(channels, reduction, width):
    assert SqueezeExcite(channels, reduction=reduction).fc1.out_channels == width


def test_hidden_channels_win_over_reduction():
    block = SqueezeExcite(64, reduction=2, hidden_channels=8, min_channels=16)

    assert block.fc1.out_channels == 8


def test_min_channels_is_a_floor():
    assert SqueezeExcite(64, min_channels=8).fc1.out_channels == 8


def test_takes_an_activation_by_name_or_class():
    by_name = SqueezeExcite(8, act_layer="silu")
    by_class = SqueezeExcite(8, act_layer=nn.SiLU)

    assert type(by_name.act) is type(by_class.act) is nn.SiLU


def test_a_hard_sigmoid_gate_closes_fully():
    block = SqueezeExcite(2, bias=True, gate_layer="hard_sigmoid")
    nn.init.constant_(block.fc2.bias, -100)

    assert block(torch.rand(1, 2, 3, 5)).eq(0).all()


def test_rejects_a_reduction_of_zero():
    with pytest.raises(OptionError, match=r"reduction must be greater than 0, got 0\."):
        SqueezeExcite(64, reduction=0)


def test_rejects_hidden_channels_of_zero():
    with pytest.raises(OptionError, match=r"hidden_channels must be greater than 0"):
        SqueezeExcite(64, hidden_channels=0)


def test_offers_the_gate_that_was_meant():
    with pytest.raises(OptionError, match=r"gate_layer cannot be 'sigmod'.*'sigmoid'"):
        SqueezeExcite(64, gate_layer="sigmod")


def test_rejects_an_activation_that_is_neither_name_nor_class():
    with pytest.raises(OptionError, match=r"act_layer must be a name or a layer class"):
        SqueezeExcite(64, act_layer=3)
