"""Pooling by hand, and where half precision would overflow."""

import math

import pytest
import torch
from torch.nn import functional

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


def test_the_gradient_of_a_mean_is_a_view_of_one_value_a_channel():
    x = torch.zeros(2, 3, 5, 7, requires_grad=True)

    (gradient,) = torch.autograd.grad(ops.mean_over_places(x).sum(), x)

    # 35 places share it
    torch.testing.assert_close(gradient, torch.full((2, 3, 5, 7), 1 / 35))
    assert gradient.stride()[2:] == (0, 0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_a_mean_from_a_sum_is_the_mean_to_the_bit(dtype):
    torch.manual_seed(0)
    x = torch.randn(2, 3, 35, 17, dtype=dtype, requires_grad=True)

    (choice,) = ops.explain(ops.mean_over_places, x)

    assert choice.path == "eager"
    assert ops.mean_over_places(x).equal(ops.mean_over_places.reference(x))


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_a_mean_in_half_precision_is_not_taken_from_a_sum(dtype):
    # the sum, 81 920 at 2 x 1 024 places of 40, is beyond float16
    x = torch.full((1, 1, 2, 1024), 40.0, dtype=dtype, requires_grad=True)

    (choice,) = ops.explain(ops.mean_over_places, x)

    assert choice.refusals["eager"] == f"takes float32 and float64, got {dtype}"
    assert ops.mean_over_places(x).item() == 40


def test_a_mean_without_a_gradient_is_torchs_own():
    x = torch.randn(2, 3, 5, 7)

    (choice,) = ops.explain(ops.mean_over_places, x)

    assert choice.refusals["eager"] == "pays where a gradient is asked for"


def test_means_and_maxima_over_places_by_hand():
    x = torch.tensor([[1.0, 5.0, 0.0], [2.0, 1.0, 3.0]]).reshape(1, 1, 2, 3)

    mean, maximum = ops.mean_max_over_places(x)

    assert mean.item() == 2
    assert maximum.item() == 5


def test_means_and_maxima_over_channels_by_hand():
    x = torch.tensor([[1.0, 5.0], [7.0, -3.0]]).reshape(1, 2, 1, 2)

    pooled = ops.mean_max_over_channels(x)

    assert pooled.tolist() == [[[[4.0, 1.0]], [[7.0, 5.0]]]]


def test_means_and_maxima_of_scaled_channels_by_hand():
    x = torch.tensor([[1.0, 5.0], [7.0, -3.0]]).reshape(1, 2, 1, 2)
    gate = torch.tensor([2.0, 1.0]).reshape(1, 2, 1, 1)

    pooled = ops.mean_max_over_channels(x, gate)

    # scaled: 2, 10 and 7, -3
    assert pooled.tolist() == [[[[4.5, 3.5]], [[7.0, 10.0]]]]


def test_means_of_rows_and_columns_by_hand():
    x = torch.tensor([[1.0, 5.0, 0.0], [2.0, 1.0, 3.0]]).reshape(1, 1, 2, 3)

    rows, columns = ops.mean_of_rows_and_columns(x)

    assert rows.tolist() == [[[[2.0], [2.0]]]]
    assert columns.tolist() == [[[[1.5, 3.0, 1.5]]]]


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


@pytest.mark.parametrize("factor", [1, 2, 4, 8])
def test_inside_the_border_stand_the_maxima_of_adaptive_pooling(factor):
    torch.manual_seed(0)
    for height, width in [*((n, 41 - n) for n in range(1, 41)), (1, 1), (2, 64)]:
        x = torch.randn(1, 2, height, width)

        y = ops.bordered_max_pool(x, factor)

        size = (max(height // factor, 1), max(width // factor, 1))
        want = functional.adaptive_max_pool2d(x, size)
        assert y[:, :, 1:-1, 1:-1].equal(want), (height, width)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 9), (7, 5), (16, 8)])
def test_the_border_is_zero_all_around(height, width):
    y = ops.bordered_max_pool(torch.full((1, 1, height, width), -3.0), 4)

    inside = functional.pad(torch.ones_like(y[:, :, 1:-1, 1:-1]), (1, 1, 1, 1))
    assert y.equal(-3 * inside)


@pytest.mark.parametrize("dtype", [torch.float64, *HALVES], ids=str)
def test_a_bordered_pool_keeps_the_type(dtype):
    assert ops.bordered_max_pool(torch.ones(1, 2, 5, 7, dtype=dtype), 2).dtype == dtype


def test_a_bordered_pool_sends_its_gradient_to_the_maxima():
    torch.manual_seed(0)
    x = torch.randn(2, 3, 7, 9, dtype=torch.float64, requires_grad=True)
    scores = torch.randn(2, 3, 3, 4, dtype=torch.float64)

    pooled = ops.bordered_max_pool(x, 2)[:, :, 1:-1, 1:-1]
    (found,) = torch.autograd.grad((pooled * scores).sum(), x)

    pooled = functional.adaptive_max_pool2d(x, (3, 4))
    (want,) = torch.autograd.grad((pooled * scores).sum(), x)
    torch.testing.assert_close(found, want)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (7, 5), (3, 1)])
def test_a_bordered_pool_of_ties_passes_its_whole_gradient_on(height, width):
    x = torch.ones(1, 1, height, width, dtype=torch.float64, requires_grad=True)

    y = ops.bordered_max_pool(x, 4)
    y.sum().backward()

    places = max(height // 4, 1) * max(width // 4, 1)
    assert x.grad.sum().item() == pytest.approx(places)
    assert x.grad.gt(0).all()


def test_a_bordered_pool_shares_its_gradient_among_equal_places():
    x = torch.ones(1, 1, 4, 8, dtype=torch.float64, requires_grad=True)

    ops.bordered_max_pool(x, 4).sum().backward()

    # two windows of 16 places
    torch.testing.assert_close(x.grad, torch.full_like(x, 1 / 16))
