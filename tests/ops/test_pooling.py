"""Pooling by hand, and where half precision would overflow."""

import math

import pytest
import torch

from foveate import ops

HALVES = [torch.float16, torch.bfloat16]


@pytest.mark.parametrize(
    ("how", "want"),
    [
        ("avg", 11 / 4),
        ("max", 12.0),
        ("lp", 13.0),
        ("lse", math.log(math.exp(3) + math.exp(-4) + math.exp(12) + 1)),
    ],
)
def test_pools_match_their_formulas(how, want):
    # 3^2 + 4^2 + 12^2 = 13^2
    x = torch.tensor([[3.0, -4.0], [12.0, 0.0]]).reshape(1, 1, 2, 2)

    y = ops.pool(x, how)

    torch.testing.assert_close(y, torch.full((1, 1, 1, 1), want))


@pytest.mark.parametrize("how", ops.POOLS)
def test_pools_give_one_value_a_channel(how):
    assert ops.pool(torch.randn(2, 3, 5, 7), how).shape == (2, 3, 1, 1)


@pytest.mark.parametrize("dtype", [torch.float64, *HALVES], ids=str)
@pytest.mark.parametrize("how", ops.POOLS)
def test_pools_keep_the_type(how, dtype):
    assert ops.pool(torch.ones(2, 3, 5, 7, dtype=dtype), how).dtype == dtype


@pytest.mark.parametrize("how", ops.POOLS)
def test_a_map_of_one_positive_place_is_its_own_pool(how):
    x = torch.tensor([0.5, 2.0]).reshape(1, 2, 1, 1)

    torch.testing.assert_close(ops.pool(x, how), x)


def test_a_maximum_shares_its_gradient_among_ties():
    x = torch.tensor([1.0, 2.0, 2.0, 0.0]).reshape(1, 1, 2, 2).requires_grad_()

    ops.pool(x, "max").sum().backward()

    assert x.grad.flatten().tolist() == [0.0, 0.5, 0.5, 0.0]


def test_a_norm_of_zero_has_a_gradient_of_zero():
    x = torch.zeros(1, 1, 2, 2, requires_grad=True)

    ops.pool(x, "lp").sum().backward()

    assert x.grad.eq(0).all()


def test_a_norm_in_float16_does_not_overflow_on_the_way():
    x = torch.full((1, 1, 56, 56), 100.0, dtype=torch.float16)

    # 56 * 100, while the sum of squares is 3.1e7
    assert ops.pool(x, "lp").item() == 5600


def test_exponentials_of_large_values_do_not_overflow():
    x = torch.full((1, 1, 2, 2), 1e4)

    assert ops.pool(x, "lse").item() == pytest.approx(1e4 + math.log(4))


def test_a_mean_in_float16_does_not_overflow_on_the_way():
    x = torch.full((1, 1, 56, 56), 1e4, dtype=torch.float16)

    assert ops.mean_over_places(x).item() == 1e4


def test_over_channels_the_mean_comes_before_the_maximum():
    x = torch.tensor([1.0, 2.0, 6.0]).reshape(1, 3, 1, 1).expand(1, 3, 2, 5)

    y = ops.mean_max_over_channels(x)

    assert y.shape == (1, 2, 2, 5)
    assert y[0, :, 1, 3].tolist() == [3.0, 6.0]
