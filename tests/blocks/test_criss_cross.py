"""What only criss-cross attention promises; the rest is in tests/contracts."""

import itertools
import math
import re

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import foveate as fv
from foveate import ops
from foveate.blocks import CrissCrossAttention
from foveate.errors import OptionError, ShapeError

PASSES = pytest.mark.parametrize("recurrence", [1, 2])
SIZES = pytest.mark.parametrize(
    ("height", "width"), [(3, 5), (5, 3), (1, 6), (6, 1), (1, 1)]
)


def perturbed(channels=16, **options):
    torch.manual_seed(0)
    block = CrissCrossAttention(channels, **options).double().eval()
    for parameter in block.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    return block


def normal(*shape):
    return torch.randn(shape, dtype=torch.float64)


def linear(layer, x):
    """Return what a 1x1 convolution answers, ``(B, places, channels)``."""
    return x.flatten(2).transpose(1, 2) @ layer.weight[:, :, 0, 0].T + layer.bias


def dense_weights(block, x):
    """Return all weights of one pass, ``(B, N, N)``, as a masked dense attention."""
    rows, columns = torch.meshgrid(
        torch.arange(x.shape[2]), torch.arange(x.shape[3]), indexing="ij"
    )
    rows, columns = rows.flatten(), columns.flatten()
    cross = (rows[:, None] == rows) | (columns[:, None] == columns)
    products = linear(block.query, x) @ linear(block.key, x).transpose(1, 2)
    exponentials = products.exp() * cross
    return exponentials / exponentials.sum(dim=2, keepdim=True)


def dense_answer(block, x):
    for _ in range(block.recurrence):
        seen = dense_weights(block, x) @ linear(block.value, x)
        x = x + block.gamma * seen.transpose(1, 2).reshape(x.shape)
    return x


class LargestTensor(TorchDispatchMode):
    """Note how many values the largest tensor has that an operation returns."""

    count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        found = func(*args, **(kwargs or {}))
        for value in tree_leaves(found):
            if isinstance(value, torch.Tensor):
                self.count = max(self.count, value.numel())
        return found


@pytest.mark.parametrize(
    ("channels", "parameters"), [(64, 5_201), (256, 82_241), (512, 328_321)]
)
def test_has_as_many_parameters_as_the_formula(channels, parameters):
    block = CrissCrossAttention(channels)

    # query and key, value, gamma
    width = channels // 8
    want = 2 * (channels * width + width) + channels**2 + channels + 1
    assert sum(p.numel() for p in block.parameters()) == parameters == want


def test_has_the_keys_of_the_official_code_without_conv():
    assert list(CrissCrossAttention(8).state_dict()) == [
        "gamma",
        "query.weight",
        "query.bias",
        "key.weight",
        "key.bias",
        "value.weight",
        "value.bias",
    ]


def test_two_passes_share_their_weights():
    once, twice = CrissCrossAttention(16), fv.create("criss_cross.rcca", 16)

    assert twice.recurrence == 2
    assert twice.state_dict().keys() == once.state_dict().keys()


@pytest.mark.parametrize("recurrence", [1, 2, 3])
def test_costs_height_plus_width_for_each_place(recurrence):
    block = CrissCrossAttention(16, recurrence=recurrence)

    cost = fv.cost(block, (2, 16, 5, 7))

    places, sides = 5 * 7, 5 + 7
    projections = places * (2 * 16 * 2 + 16 * 16)
    products = places * sides * (2 + 16)
    assert cost.macs == 2 * recurrence * (projections + products)


@PASSES
def test_never_holds_a_weight_for_each_pair_of_places(recurrence):
    block = perturbed(8, recurrence=recurrence)

    with ops.using("reference"), LargestTensor() as largest:
        block(normal(1, 8, 24, 20))

    assert largest.count == 24 * 20 * (24 + 20)


@PASSES
def test_a_new_block_returns_its_input(recurrence):
    x = torch.randn(2, 16, 5, 3)

    assert CrissCrossAttention(16, recurrence=recurrence)(x).equal(x)


@SIZES
def test_a_constant_map_gets_its_own_value_back(height, width):
    block = perturbed()
    x = normal(2, 16, 1, 1).expand(-1, -1, height, width)

    y = block(x)

    torch.testing.assert_close(y, x + block.gamma * block.value(x))


def test_a_place_is_counted_once_by_hand():
    block = CrissCrossAttention(1).double()
    for name, parameter in block.named_parameters():
        parameter.data.fill_(1 if name in ("gamma", "value.weight") else 0)
    x = torch.tensor([[1.0, 2.0, 4.0], [8.0, 16.0, 32.0]], dtype=torch.float64)

    y = block(x[None, None])

    # products of 0: the mean of 4 places, such as 1 + 2 + 4 + 8 for the first
    want = torch.tensor([[15.0, 23.0, 39.0], [57.0, 58.0, 60.0]]) / 4
    torch.testing.assert_close((y - x)[0, 0], want.double())


def test_products_are_not_divided_by_the_root_of_their_width():
    block = CrissCrossAttention(4, hidden_channels=4).double()
    for name, parameter in block.named_parameters():
        parameter.data.fill_(0)
        if name in ("query.bias", "key.weight"):
            parameter.data.fill_(1)
    x = torch.zeros(1, 4, 1, 2, dtype=torch.float64)
    x[0, 0, 0, 1] = math.log(3) / 4

    weights = block.maps(x, query=(0, 0))["attention"]

    # queries are four ones, keys four times 0 or ln(3) / 4, their product ln 3
    assert weights.flatten().tolist() == pytest.approx([0.25, 0.75])


def test_the_bias_of_the_keys_changes_nothing():
    block, x = perturbed(recurrence=2), normal(2, 16, 4, 5)
    before = block(x)

    block.key.bias.data += 3

    torch.testing.assert_close(block(x), before)


@PASSES
@SIZES
def test_answers_as_a_masked_dense_attention(height, width, recurrence):
    block = perturbed(recurrence=recurrence)
    x = normal(2, 16, height, width)

    torch.testing.assert_close(block(x), dense_answer(block, x), rtol=0, atol=1e-12)


@PASSES
def test_has_the_gradient_of_a_masked_dense_attention(recurrence):
    block = perturbed(recurrence=recurrence)
    x = normal(2, 16, 4, 5).requires_grad_()

    (found,) = torch.autograd.grad(block(x).square().sum(), x)

    (want,) = torch.autograd.grad(dense_answer(block, x).square().sum(), x)
    torch.testing.assert_close(found, want, rtol=1e-11, atol=1e-12)


@PASSES
@pytest.mark.parametrize("dim", [2, 3], ids=["rows", "columns"])
def test_commutes_with_any_order_of_rows_or_columns(dim, recurrence):
    block, x = perturbed(recurrence=recurrence), normal(2, 16, 4, 5)
    order = torch.randperm(x.shape[dim])

    found = block(x.index_select(dim, order))

    torch.testing.assert_close(found, block(x).index_select(dim, order))


@PASSES
def test_commutes_with_transposition(recurrence):
    block, x = perturbed(recurrence=recurrence), normal(2, 16, 4, 5)

    torch.testing.assert_close(block(x.transpose(2, 3)), block(x).transpose(2, 3))


@PASSES
def test_one_pass_sees_the_cross_and_two_see_all(recurrence):
    block = perturbed(recurrence=recurrence)
    x = normal(1, 16, 4, 5).requires_grad_()

    block(x)[:, :, 1, 3].square().sum().backward()

    seen = x.grad.ne(0).any(dim=1)[0]
    cross = torch.zeros(4, 5, dtype=torch.bool)
    cross[1], cross[:, 3] = True, True
    assert seen.equal(cross if recurrence == 1 else torch.ones_like(cross))


@PASSES
@SIZES
def test_the_map_of_each_place_is_its_row_of_a_dense_attention(
    height, width, recurrence
):
    block = perturbed(recurrence=recurrence)
    x = normal(2, 16, height, width)
    before = x if recurrence == 1 else dense_answer(perturbed(), x)
    want = dense_weights(block, before)

    for row, column in itertools.product(range(height), range(width)):
        found = block.maps(x, query=(row, column))["attention"]
        one = want[:, row * width + column].reshape(2, 1, height, width)
        torch.testing.assert_close(found, one, rtol=0, atol=1e-12)


def test_the_maps_of_all_places_give_the_output():
    block, x = perturbed(), normal(2, 16, 3, 4)
    values = block.value(x)

    y = block(x)

    for row, column in itertools.product(range(3), range(4)):
        weights = block.maps(x, query=(row, column))["attention"]
        seen = (weights * values).sum(dim=(2, 3))
        want = x[:, :, row, column] + block.gamma * seen
        torch.testing.assert_close(y[:, :, row, column], want)


def test_a_map_has_one_weight_for_each_place_of_the_cross():
    weights = perturbed().maps(normal(2, 16, 4, 5), query=(3, 0))["attention"]

    assert weights.ne(0).sum(dim=(1, 2, 3)).tolist() == [4 + 5 - 1] * 2
    torch.testing.assert_close(weights.sum(dim=(1, 2, 3)), torch.ones(2).double())


@pytest.mark.parametrize(
    ("height", "width", "centre"), [(5, 7, (2, 3)), (4, 6, (2, 3)), (1, 1, (0, 0))]
)
def test_a_map_is_that_of_the_centre_unless_told(height, width, centre):
    block, x = perturbed(), normal(1, 16, height, width)

    found = block.maps(x)["attention"]

    assert found.equal(block.maps(x, query=centre)["attention"])


@pytest.mark.parametrize("query", [(5, 0), (0, 7), (-1, 0), (0, -1)])
def test_rejects_a_query_outside_of_the_map(query):
    words = (
        "CrissCrossAttention: query must be (row, column) within the 5x7 map, from "
        f"(0, 0) to (4, 6), got {query}."
    )

    with pytest.raises(ShapeError, match=rf"^{re.escape(words)}$"):
        CrissCrossAttention(8).maps(torch.zeros(1, 8, 5, 7), query=query)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_products_beyond_float16_choose_one_place(dtype):
    block = CrissCrossAttention(1).to(dtype)
    for name, parameter in block.named_parameters():
        parameter.data.fill_(1 if name == "gamma" or name.endswith("weight") else 0)
    x = torch.tensor([300.0, 400.0, 200.0], dtype=dtype).reshape(1, 1, 1, 3)

    y = block(x)

    # 300 * 400 is more than float16 can write; all see the place of 400
    assert (y - x).flatten().tolist() == [400.0] * 3


@pytest.mark.parametrize("channels", [1, 7])
def test_queries_keep_at_least_one_channel(channels):
    block = CrissCrossAttention(channels)

    assert block.query.out_channels == block.key.out_channels == 1
    assert block(torch.randn(1, channels, 3, 5)).shape == (1, channels, 3, 5)


def test_hidden_channels_win_over_reduction():
    block = CrissCrossAttention(64, reduction=2, hidden_channels=3, min_channels=5)

    assert block.query.out_channels == 3


def test_min_channels_is_a_floor():
    assert CrissCrossAttention(64, min_channels=16).query.out_channels == 16


def test_rejects_a_recurrence_of_zero():
    with pytest.raises(OptionError, match=r"recurrence must be greater than 0, got 0"):
        CrissCrossAttention(8, recurrence=0)


def test_shows_its_options():
    block = CrissCrossAttention(64, recurrence=2)

    assert repr(block).startswith(
        "CrissCrossAttention(\n  64, hidden_channels=8, recurrence=2\n"
    )
