"""What only SAFM promises; the rest is in tests/contracts."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from foveate.blocks import SAFM
from foveate.errors import OptionError


def modulated(block, x):
    """Return SAFM's answer by torch's own adaptive pooling and interpolation."""
    size = x.shape[2:]
    levels = []
    for number, part in enumerate(x.chunk(block.n_levels, dim=1)):
        smaller = [max(side // 2**number, 1) for side in size]
        pooled = functional.adaptive_max_pool2d(part, smaller)
        answer = block.levels[number](pooled)
        levels.append(functional.interpolate(answer, size=size, mode="nearest"))
    mixed = block.aggr(torch.cat(levels, dim=1))
    return x * mixed * (1 + torch.erf(mixed / 2**0.5)) / 2


@pytest.mark.parametrize(
    ("channels", "parameters"),
    [(36, 1_692), (64, 4_800), (256, 68_352), (512, 267_776)],
)
def test_has_as_many_parameters_as_the_official_code(channels, parameters):
    block = SAFM(channels)

    assert sum(p.numel() for p in block.parameters()) == parameters


@pytest.mark.parametrize(
    "size", [(16, 24), (9, 11), (17, 25), (7, 5), (8, 1), (3, 40), (1, 1)]
)
def test_matches_adaptive_pooling_at_any_size(size):
    torch.manual_seed(0)
    block = SAFM(8).double()
    x = torch.randn(2, 8, *size, dtype=torch.float64)

    torch.testing.assert_close(block(x), modulated(block, x))


def test_has_the_gradient_of_adaptive_pooling():
    torch.manual_seed(0)
    block = SAFM(8).double()
    x = torch.randn(2, 8, 13, 18, dtype=torch.float64, requires_grad=True)

    (found,) = torch.autograd.grad(block(x).square().sum(), x)

    (want,) = torch.autograd.grad(modulated(block, x).square().sum(), x)
    torch.testing.assert_close(found, want)


@pytest.mark.parametrize("n_levels", [1, 2, 3, 6])
def test_takes_any_number_of_levels(n_levels):
    torch.manual_seed(0)
    block = SAFM(12, n_levels=n_levels).double()
    x = torch.randn(2, 12, 9, 14, dtype=torch.float64)

    torch.testing.assert_close(block(x), modulated(block, x))


def test_an_aggregation_of_zero_gives_zero():
    block = SAFM(8)
    nn.init.zeros_(block.aggr.weight)
    nn.init.zeros_(block.aggr.bias)

    assert block(torch.randn(2, 8, 5, 7)).eq(0).all()


def test_a_bias_alone_scales_by_its_gelu():
    block = SAFM(8)
    nn.init.zeros_(block.aggr.weight)
    nn.init.ones_(block.aggr.bias)
    x = torch.randn(2, 8, 5, 7)

    # the normal distribution has 0.8413447 of its mass below 1
    torch.testing.assert_close(block(x), 0.8413447 * x)


def test_a_level_sees_only_its_own_channels():
    torch.manual_seed(0)
    block = SAFM(4)
    nn.init.zeros_(block.aggr.weight)
    with torch.no_grad():
        block.aggr.weight[:, 2] = 1
    x = torch.randn(1, 4, 8, 8)
    other = x.clone()
    other[:, [0, 1, 3]] += 1

    assert block.gate(other).equal(block.gate(x))


def test_the_gate_is_not_within_0_and_1():
    block = SAFM(4)
    nn.init.zeros_(block.aggr.weight)
    with torch.no_grad():
        block.aggr.bias.copy_(torch.tensor([-0.75, 0.0, 3.0, -9.0]))

    gate = block.gate(torch.randn(1, 4, 3, 5))[0, :, 0, 0]

    # -0.17 is the least that a GELU gives
    want = torch.tensor([-0.16997, 0.0, 2.99595, 0.0])
    torch.testing.assert_close(gate, want, rtol=0, atol=1e-5)


def test_rejects_channels_that_levels_do_not_share_and_offers_the_nearest():
    words = r"multiple of 4 \(n_levels\), got 38\. Nearest that fit: 36 or 40\.$"

    with pytest.raises(OptionError, match=words):
        SAFM(38)


def test_rejects_no_levels():
    with pytest.raises(OptionError, match=r"n_levels must be greater than 0, got 0\."):
        SAFM(8, n_levels=0)
