"""What only coordinate attention promises; the rest is in tests/contracts."""

import pytest
import torch
from torch import nn

from foveate.blocks import CoordinateAttention
from foveate.errors import OptionError


def new_block(**options):
    torch.manual_seed(0)
    return CoordinateAttention(8, **options).double().eval()


def new_input():
    return torch.randn(2, 8, 5, 7, dtype=torch.float64)


@pytest.mark.parametrize(
    ("channels", "parameters"), [(64, 1_688), (256, 6_680), (512, 25_648)]
)
def test_has_as_many_parameters_as_the_official_code(channels, parameters):
    block = CoordinateAttention(channels)

    assert sum(p.numel() for p in block.parameters()) == parameters


def test_without_biases_has_only_weights():
    block = CoordinateAttention(64, bias=False)

    # three convolutions of 64 x 8, and a scale and a shift of 8 each
    assert sum(p.numel() for p in block.parameters()) == 3 * 64 * 8 + 2 * 8


def test_rejects_a_bias_that_is_not_a_truth_value():
    with pytest.raises(OptionError, match=r"bias must be True or False, got 1\."):
        CoordinateAttention(64, bias=1)


@pytest.mark.parametrize(("channels", "width"), [(16, 8), (256, 8), (512, 16)])
def test_the_bottleneck_has_at_least_eight_channels(channels, width):
    assert CoordinateAttention(channels).conv1.out_channels == width


def test_zero_weights_quarter_the_input():
    block, x = new_block(), new_input()
    for conv in (block.conv_h, block.conv_w):
        nn.init.zeros_(conv.weight)
        nn.init.zeros_(conv.bias)

    torch.testing.assert_close(block(x), x / 4)


def test_the_gate_of_a_channel_has_rank_one():
    block, x = new_block(), new_input()

    gate = block.gate(x)

    corners = gate[:, :, :1, :1] * gate
    torch.testing.assert_close(corners, gate[:, :, :, :1] * gate[:, :, :1, :])


def test_rows_and_columns_trade_places_with_their_convolutions():
    block, swapped, x = new_block(), new_block(), new_input()
    swapped.conv_h, swapped.conv_w = swapped.conv_w, swapped.conv_h

    y = swapped(x.transpose(2, 3))

    torch.testing.assert_close(y.transpose(2, 3), block(x))


def test_commutes_with_any_order_of_rows_and_of_columns():
    block, x = new_block(), new_input()
    rows, columns = torch.randperm(5), torch.randperm(7)

    def reorder(x):
        return x[:, :, rows][:, :, :, columns]

    torch.testing.assert_close(block(reorder(x)), reorder(block(x)))


def test_the_row_gate_reads_the_means_of_rows_by_hand():
    block = CoordinateAttention(1, hidden_channels=1, norm_layer="identity")
    for conv in (block.conv1, block.conv_h, block.conv_w):
        nn.init.ones_(conv.weight)
        nn.init.zeros_(conv.bias)
    x = torch.tensor([[[[1.0, 3.0], [-4.0, -6.0]]]])

    row, _ = block.gates(x)

    # means 2 and -5; hardswish(2) = 2 * 5 / 6, hardswish(-5) = 0
    want = torch.sigmoid(torch.tensor([5 / 3, 0.0])).reshape(1, 1, 2, 1)
    torch.testing.assert_close(row, want)


def test_trains_on_one_place_of_one_image():
    block = CoordinateAttention(8).train()

    assert block(torch.randn(1, 8, 1, 1)).isfinite().all()


def test_takes_another_norm_and_activation():
    block = CoordinateAttention(8, norm_layer=nn.InstanceNorm2d, act_layer="relu6")

    assert type(block.bn1) is nn.InstanceNorm2d
    assert type(block.act) is nn.ReLU6


def test_offers_the_norm_that_was_meant():
    words = r"norm_layer cannot be 'batchnorm'\. Did you mean 'batch_norm'\?"

    with pytest.raises(OptionError, match=words):
        CoordinateAttention(8, norm_layer="batchnorm")
