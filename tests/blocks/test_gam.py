"""What only GAM promises; the rest is in tests/contracts."""

import pytest
import torch
from torch import nn

import foveate as fv
from foveate.blocks import GAM
from foveate.errors import OptionError

DOUBLE = torch.float64


def zeroed(block):
    """Return the block with all weights of convolutions and all shifts at 0."""
    for key, parameter in block.named_parameters():
        if "bn" not in key or key.endswith("bias"):
            nn.init.zeros_(parameter)
    return block.eval()


@pytest.mark.parametrize(
    ("channels", "groups", "parameters"),
    [
        (64, 1, 102_720),
        (256, 1, 1_639_680),
        (512, 1, 6_556_160),
        (64, 4, 27_456),
        (256, 4, 435_456),
        (512, 4, 1_739_264),
    ],
)
def test_has_as_many_parameters_as_the_formula(channels, groups, parameters):
    block = GAM(channels, groups=groups)

    assert sum(p.numel() for p in block.parameters()) == parameters


@pytest.mark.parametrize("name", ["gam", "gam.grouped"])
def test_zero_weights_leave_a_quarter_of_the_input(name):
    x = torch.randn(2, 16, 3, 5)

    assert zeroed(fv.create(name, 16))(x).equal(x / 4)


def test_zero_weights_without_the_sigmoid_leave_nothing():
    x = torch.randn(2, 16, 3, 5)

    assert zeroed(fv.create("gam.signed", 16))(x).eq(0).all()


def test_the_channel_gate_reads_its_own_place_only():
    torch.manual_seed(0)
    block = GAM(8).double()
    x = torch.randn(2, 8, 3, 5, dtype=DOUBLE)

    gate = block.maps(x)["channel_full"]

    for row in range(3):
        for column in range(5):
            place = x[:, :, row, column]
            fc1, fc2 = block.channel.fc1, block.channel.fc2
            hidden = (place @ fc1.weight[:, :, 0, 0].T + fc1.bias).relu()
            want = torch.sigmoid(hidden @ fc2.weight[:, :, 0, 0].T + fc2.bias)
            torch.testing.assert_close(gate[:, :, row, column], want)


def test_the_spatial_gate_reads_the_gated_map_by_hand():
    block = zeroed(GAM(1, reduction=1, kernel_size=3)).double()
    # sigmoid(ln 3) = 3/4 everywhere, whatever x is
    nn.init.constant_(block.channel.fc2.bias, 1.0986122886681098)
    with torch.no_grad():
        block.spatial.conv1.weight[0, 0] = torch.eye(3)
        block.spatial.conv2.weight[0, 0, 1, 1] = 1
    x = torch.tensor([[4.0, 0.0], [8.0, -4.0]], dtype=DOUBLE)[None, None]

    gate = block.maps(x)["spatial_full"]

    # 3/4 of x, then each place and its neighbours above left and below right, cut at
    # 0; two BatchNorms of variance 1 divide by sqrt(1 + 1e-5) each
    sums = torch.tensor([[3.0 - 3.0, 0.0], [6.0, 0.0]], dtype=DOUBLE)
    torch.testing.assert_close(gate[0, 0], torch.sigmoid(sums / (1 + 1e-5)))


def test_the_channel_half_commutes_with_any_order_of_places():
    torch.manual_seed(0)
    block = GAM(8).double()
    x = torch.randn(2, 8, 3, 5, dtype=DOUBLE)
    order = torch.randperm(15)

    def reorder(x):
        return x.flatten(2)[:, :, order].reshape(x.shape)

    found = block.maps(reorder(x))["channel_full"]

    torch.testing.assert_close(found, reorder(block.maps(x)["channel_full"]))


def test_keeps_signs_and_makes_nothing_larger():
    torch.manual_seed(0)
    block = GAM(8).double()
    x = torch.randn(2, 8, 3, 5, dtype=DOUBLE)

    share = block(x) / x

    assert share.gt(0).all()
    assert share.lt(1).all()


def test_without_the_sigmoid_it_turns_signs():
    torch.manual_seed(0)
    block = fv.create("gam.signed", 16).double()
    x = torch.randn(2, 16, 3, 5, dtype=DOUBLE)

    assert (block(x) / x).lt(0).any()


def test_the_variants_are_those_of_widely_copied_code():
    grouped, signed = fv.create("gam.grouped", 16), fv.create("gam.signed", 16)

    assert (grouped.groups, grouped.channel_gate) == (4, "sigmoid")
    assert (signed.groups, signed.channel_gate) == (4, None)


def test_groups_are_shuffled_after_their_sigmoid():
    torch.manual_seed(0)
    block = GAM(24, reduction=2, groups=3).double().eval()
    x = torch.randn(2, 24, 3, 5, dtype=DOUBLE)

    maps = block.maps(x)

    plain = torch.sigmoid(block.spatial(x * maps["channel_full"]))
    # channel j * 3 + q is channel q * 8 + j of before
    order = [q * 8 + j for j in range(8) for q in range(3)]
    torch.testing.assert_close(maps["spatial_full"], plain[:, order])


def test_a_group_of_the_convolutions_sees_its_own_channels_only():
    torch.manual_seed(0)
    block = GAM(8, reduction=2, groups=2).double().eval()
    x = torch.randn(1, 8, 3, 5, dtype=DOUBLE)
    other = x.clone()
    other[:, 4:] += 1

    before, after = block.spatial(x), block.spatial(other)

    assert after[:, :4].equal(before[:, :4])
    assert after[:, 4:].ne(before[:, 4:]).any()


def test_takes_any_odd_kernel():
    block = GAM(8, kernel_size=3)

    assert block.spatial.conv1.kernel_size == block.spatial.conv2.kernel_size == (3, 3)
    assert block(torch.randn(2, 8, 3, 5)).shape == (2, 8, 3, 5)


@pytest.mark.parametrize(
    ("channels", "options", "step", "fits"),
    [
        (30, {}, 4, "28 or 32"),
        (24, {"groups": 4}, 16, "16 or 32"),
        (64, {"reduction": 16, "groups": 8}, 128, "128"),
        (2, {}, 4, "4"),
    ],
)
def test_rejects_channels_that_do_not_divide(channels, options, step, fits):
    words = (
        rf"^GAM: channels must be a multiple of {step} \(reduction \* groups, with "
        rf"reduction=\d+ and groups=\d+\), got {channels}\. Nearest that fit: {fits}\.$"
    )

    with pytest.raises(OptionError, match=words):
        GAM(channels, **options)


def test_rejects_an_even_kernel():
    with pytest.raises(OptionError, match=r"kernel_size must be odd.*got 4\."):
        GAM(8, kernel_size=4)


def test_offers_the_gate_that_was_meant():
    with pytest.raises(
        OptionError, match=r"channel_gate cannot be 'sigmod'.*'sigmoid'"
    ):
        GAM(8, channel_gate="sigmod")


def test_torch_refuses_to_train_on_one_place():
    with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
        GAM(8).train()(torch.zeros(1, 8, 1, 1))


def test_shows_its_options():
    assert repr(GAM(8, channel_gate=None)).startswith(
        "GAM(\n  8, groups=1, channel_gate=None\n"
    )
