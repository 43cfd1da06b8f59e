"""What only S2 attention promises; the rest is in tests/contracts."""

import math

import pytest
import torch
from torch import nn

import foveate as fv
from foveate.blocks import S2Attention, SplitAttention
from foveate.errors import OptionError, ShapeError

UP, DOWN, LEFT, RIGHT = (0, -1), (0, 1), (1, -1), (1, 1)


def plain(channels, **options):
    """Return a block whose branches all are the input, and weigh the same."""
    block = S2Attention(channels, **options).double()
    identity = torch.eye(channels, dtype=torch.float64)[:, :, None, None]
    with torch.no_grad():
        block.expand.weight.copy_(torch.cat([identity] * 3))
        block.project.weight.copy_(identity)
        nn.init.zeros_(block.expand.bias)
        nn.init.zeros_(block.project.bias)
        nn.init.zeros_(block.split.fc2.weight)
    return block


def moved(x, quarters):
    """Return ``x`` with each quarter of its channels moved, by indices."""
    height, width = x.shape[2:]
    parts = []
    for part, (axis, step) in zip(x.chunk(4, dim=1), quarters, strict=True):
        by = (step, 0) if axis == 0 else (0, step)
        rows = (torch.arange(height) - by[0]).clamp(0, height - 1)
        columns = (torch.arange(width) - by[1]).clamp(0, width - 1)
        parts.append(part[:, :, rows][:, :, :, columns])
    return torch.cat(parts, dim=1)


@pytest.mark.parametrize(
    ("channels", "parameters"), [(64, 33_024), (256, 525_312), (512, 2_099_200)]
)
def test_has_as_many_parameters_as_the_formula(channels, parameters):
    assert sum(p.numel() for p in S2Attention(channels).parameters()) == parameters


def test_plain_weights_give_the_mean_of_both_shifts_and_the_input():
    torch.manual_seed(0)
    x = torch.randn(2, 8, 5, 7, dtype=torch.float64)

    y = plain(8)(x)

    first = moved(x, (DOWN, UP, RIGHT, LEFT))
    second = moved(x, (RIGHT, LEFT, DOWN, UP))
    torch.testing.assert_close(y, (first + second + x) / 3)


def test_one_place_has_no_neighbours():
    x = torch.randn(2, 8, 1, 1, dtype=torch.float64)

    torch.testing.assert_close(plain(8)(x), x)


def test_does_not_smear_the_first_row_over_the_map():
    block = plain(4)
    x = torch.arange(6.0).reshape(1, 1, 6, 1).expand(1, 4, 6, 3).double()

    y = block(x)

    # the first quarter goes down in one branch, sideways in one, and stays in one
    down = torch.tensor([0, 0, 1, 2, 3, 4], dtype=torch.float64)
    want = (down + 2 * torch.arange(6)) / 3
    torch.testing.assert_close(y[0, 0, :, 1], want)


def test_a_graph_without_writes_in_place_gives_equal_numbers():
    torch.manual_seed(0)
    block = S2Attention(8).double()
    x = torch.randn(2, 8, 5, 7, dtype=torch.float64)

    y = torch.func.functionalize(block)(x)

    torch.testing.assert_close(y, block(x), rtol=0, atol=0)


@pytest.mark.parametrize("pool", ["sum", "mean"])
def test_weights_add_up_to_one_over_the_branches(pool):
    torch.manual_seed(0)
    block = S2Attention(8, pool=pool).double()
    x = torch.randn(2, 8, 5, 7, dtype=torch.float64)

    weights = block.maps(x)["branch"]

    torch.testing.assert_close(weights.sum(dim=1), torch.ones_like(weights[:, 0]))


def test_zero_logits_weigh_all_branches_the_same():
    weights = plain(4).maps(torch.randn(1, 4, 3, 5).double())["branch"]

    assert weights.eq(1 / 3).all()


def test_the_perceptron_reads_the_sum_of_all_branches_by_hand():
    split = SplitAttention(1, num_splits=2).double()
    nn.init.constant_(split.fc1.weight, 0.5)
    with torch.no_grad():
        split.fc2.weight[:, 0, 0, 0] = torch.tensor([1.0, 0.0])
    branches = torch.tensor([[1.0, 2.0], [3.0, -4.0]], dtype=torch.float64)
    branches = branches.reshape(1, 2, 1, 1, 2)

    y = split(branches)

    # the sum is 2, times 0.5 is 1, and gelu(1) is Phi(1); the other logit is 0
    first = 1 / (1 + math.exp(-0.841344746068543))
    want = [first + 3 * (1 - first), 2 * first - 4 * (1 - first)]
    torch.testing.assert_close(y.flatten(), torch.tensor(want, dtype=torch.float64))


def test_mean_pooling_does_not_see_the_size_of_the_map():
    torch.manual_seed(0)
    block = S2Attention(8, pool="mean").double()
    small = torch.randn(1, 8, 1, 1, dtype=torch.float64)

    weights = block.maps(small.expand(1, 8, 6, 9))["branch"]

    torch.testing.assert_close(weights, block.maps(small)["branch"])


def test_sum_pooling_multiplies_the_pooled_values_by_the_number_of_places():
    torch.manual_seed(0)
    by_sum = SplitAttention(4).double()
    by_mean = SplitAttention(4, pool="mean").double()
    by_mean.load_state_dict(by_sum.state_dict())
    branches = torch.randn(1, 3, 4, 2, 5, dtype=torch.float64)

    torch.testing.assert_close(by_sum.weights(branches), by_mean.weights(10 * branches))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_does_not_change_which_branch_wins(dtype):
    torch.manual_seed(0)
    split = SplitAttention(8).to(dtype)
    branches = (torch.randn(2, 3, 8, 56, 56) + 0.2).to(dtype)

    weights = split.weights(branches)

    want = split.double().weights(branches.double())
    torch.testing.assert_close(weights.double(), want, rtol=0, atol=1e-2)


def test_autocast_does_not_round_the_weights():
    torch.manual_seed(0)
    split = SplitAttention(8)
    branches = torch.randn(2, 3, 8, 56, 56) + 0.2

    with torch.autocast("cpu", torch.bfloat16):
        weights = split.weights(branches)

    torch.testing.assert_close(weights, split.weights(branches), rtol=0, atol=0)


def test_the_variant_reads_means():
    assert fv.create("s2.mean", 8).split.pool == "mean"


@pytest.mark.parametrize("name", ["s2_attention", "s2mlpv2"])
def test_is_found_under_the_names_of_the_field(name):
    assert fv.card(name).name == "s2"


@pytest.mark.parametrize(("channels", "fits"), [(6, "4 or 8"), (3, "4")])
def test_rejects_channels_that_have_no_quarters(channels, fits):
    words = (
        r"^S2Attention: channels must be a multiple of 4 \(a quarter for each "
        rf"direction\), got {channels}\. Nearest that fit: {fits}\.$"
    )

    with pytest.raises(OptionError, match=words):
        S2Attention(channels)


@pytest.mark.parametrize("cls", [S2Attention, SplitAttention])
def test_offers_the_pooling_that_was_meant(cls):
    words = rf"^{cls.__name__}: pool cannot be 'men'\. Did you mean 'mean'\?$"

    with pytest.raises(OptionError, match=words):
        cls(8, pool="men")


def test_split_attention_rejects_no_branches():
    with pytest.raises(OptionError, match=r"num_splits must be greater than 0, got 0"):
        SplitAttention(8, num_splits=0)


@pytest.mark.parametrize(
    "shape", [(2, 8, 5, 7), (2, 2, 8, 5, 7), (2, 3, 4, 5, 7)], ids=str
)
def test_split_attention_says_which_branches_it_expects(shape):
    words = r"^SplitAttention: expects \(B, 3, 8, H, W\), got \(.*torch\.stack\("

    with pytest.raises(ShapeError, match=words):
        SplitAttention(8)(torch.zeros(shape))


def test_split_attention_rejects_whole_numbers():
    with pytest.raises(ShapeError, match=r"expects floating point, got torch\.int64"):
        SplitAttention(8)(torch.zeros(2, 3, 8, 5, 7, dtype=torch.int64))


def test_split_attention_shows_its_options():
    assert repr(SplitAttention(8)).startswith(
        "SplitAttention(\n  8, num_splits=3, pool='sum'\n"
    )
