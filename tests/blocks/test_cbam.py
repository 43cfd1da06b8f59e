"""What only CBAM and its halves promise; the rest is in tests/contracts."""

import pytest
import torch
from torch import nn
from torch.nn import functional

import foveate as fv
from foveate.blocks import CBAM, ChannelAttention, SpatialAttention
from foveate.errors import OptionError


def count(block):
    return sum(p.numel() for p in block.parameters())


def perturbed(block):
    for parameter in block.parameters():
        parameter.data += torch.randn_like(parameter)
    return block.double().eval()


def new_input():
    return torch.randn(2, 8, 5, 7, dtype=torch.float64)


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("channel", (580, 8_464, 33_312)),
        ("spatial", (100, 100, 100)),
        ("spatial.conv", (98, 98, 98)),
        ("cbam", (680, 8_564, 33_412)),
        ("cbam.conv", (1_122, 16_482, 65_634)),
        ("cbam.linear", (679, 8_563, 33_411)),
    ],
)
def test_has_as_many_parameters_as_the_original(name, counts):
    assert tuple(count(fv.create(name, c)) for c in (64, 256, 512)) == counts


def test_is_its_channel_half_then_its_spatial_half():
    torch.manual_seed(0)
    block, x = perturbed(CBAM(8, reduction=2)), new_input()

    y = block(x)

    assert y.equal(block.spatial(block.channel(x)))


def test_zero_weights_quarter_the_input():
    block, x = CBAM(8, spatial_norm=False).double(), new_input()
    for parameter in block.parameters():
        nn.init.zeros_(parameter)

    torch.testing.assert_close(block(x), x / 4)


def test_without_its_spatial_half_has_one_map():
    block = CBAM(8, no_spatial=True)

    assert list(block.maps(torch.randn(2, 8, 5, 7))) == ["channel"]


def test_the_residual_adds_the_input():
    torch.manual_seed(0)
    plain = perturbed(CBAM(8))
    residual = CBAM(8, residual=True).double().eval()
    residual.load_state_dict(plain.state_dict())
    x = new_input()

    torch.testing.assert_close(residual(x), x + plain(x))


@pytest.mark.parametrize("no_spatial", [False, True])
def test_with_the_residual_the_output_is_input_times_gate(no_spatial):
    torch.manual_seed(0)
    block = perturbed(CBAM(8, residual=True, no_spatial=no_spatial))
    x = new_input()

    torch.testing.assert_close(block(x), x * block.gate(x))


def keras_reference(x, block):
    """Return the formula of the widely copied Keras code, step by step."""
    fc1, fc2 = block.channel.fc1, block.channel.fc2

    def dense_twice(v):
        hidden = (v @ fc1.weight[:, :, 0, 0].T + fc1.bias).clamp(min=0)
        return (hidden @ fc2.weight[:, :, 0, 0].T + fc2.bias).clamp(min=0)

    means = x.sum(dim=(2, 3)) / (x.shape[2] * x.shape[3])
    maxima = x.flatten(2).max(dim=2).values
    channel = torch.sigmoid(dense_twice(means) + dense_twice(maxima))
    scaled = torch.einsum("bchw,bc->bchw", x, channel)
    # Keras stacks (max, mean), so its kernel is ours with the inputs flipped
    stacked = torch.stack([scaled.max(dim=1).values, scaled.mean(dim=1)], dim=1)
    kernel = block.spatial.conv.weight.flip(1)
    windows = functional.pad(stacked, (1, 1, 1, 1)).unfold(2, 3, 1).unfold(3, 3, 1)
    spatial = torch.sigmoid(torch.einsum("bchwij,ocij->bohw", windows, kernel))
    return x + scaled * spatial


def test_the_keras_variant_follows_its_formula():
    torch.manual_seed(0)
    block, x = perturbed(fv.create("cbam.keras", 8)), new_input()

    y = block(x)

    torch.testing.assert_close(y, keras_reference(x, block))


def test_the_keras_variant_halves_the_channels_in_its_bottleneck():
    assert fv.create("cbam.keras", 8).channel.fc1.out_channels == 4


def test_the_channel_gate_of_the_keras_variant_never_falls_below_one_half():
    torch.manual_seed(0)
    block = perturbed(fv.create("cbam.keras", 8))

    gate = block.maps(10 * new_input())["channel"]

    assert gate.min() >= 0.5


class TestChannelAttention:
    def test_zero_weights_give_a_gate_of_one_half(self):
        block = ChannelAttention(8)
        nn.init.zeros_(block.fc2.weight)

        assert block.gate(torch.randn(2, 8, 5, 7)).eq(0.5).all()

    def test_its_biases_start_at_0(self):
        block = ChannelAttention(8)

        assert block.fc1.bias.eq(0).all()
        assert block.fc2.bias.eq(0).all()

    def test_a_constant_map_counts_twice(self):
        torch.manual_seed(0)
        block = perturbed(ChannelAttention(8, reduction=2))
        values = torch.randn(2, 8, 1, 1, dtype=torch.float64)

        gate = block.gate(values.expand(2, 8, 3, 5))

        mlp = block.fc2(block.fc1(values).relu())
        torch.testing.assert_close(gate, torch.sigmoid(2 * mlp))

    def test_the_gate_is_blind_to_the_order_of_places(self):
        torch.manual_seed(0)
        block, x = perturbed(ChannelAttention(8)), new_input()
        reordered = x.flatten(2)[:, :, torch.randperm(35)].reshape(x.shape)

        torch.testing.assert_close(block.gate(reordered), block.gate(x))

    @pytest.mark.parametrize(
        ("how", "pooled"), [("avg", 7.25), ("max", 12.0), ("lp", 17.0)]
    )
    def test_adds_up_only_the_pools_that_were_named(self, how, pooled):
        block = ChannelAttention(1, reduction=1, bias=False, pool_types=(how,))
        nn.init.ones_(block.fc1.weight)
        nn.init.ones_(block.fc2.weight)
        # 8^2 + 9^2 + 12^2 = 17^2
        x = torch.tensor([8.0, 9.0, 12.0, 0.0]).reshape(1, 1, 2, 2)

        logits = block.logits(x)

        torch.testing.assert_close(logits, torch.full((1, 1, 1, 1), pooled))

    def test_adds_up_logarithms_of_sums_of_exponentials(self):
        block = ChannelAttention(1, reduction=1, bias=False, pool_types=("lse",))
        nn.init.ones_(block.fc1.weight)
        nn.init.ones_(block.fc2.weight)
        x = torch.tensor([1.0, 2.0, 3.0]).log().reshape(1, 1, 1, 3)

        logits = block.logits(x)

        # the exponentials are 1, 2 and 3
        torch.testing.assert_close(logits, torch.full((1, 1, 1, 1), 6.0).log())

    def test_adds_up_all_four_pools(self):
        torch.manual_seed(0)
        pools = ("avg", "max", "lp", "lse")
        block = perturbed(ChannelAttention(8, pool_types=pools))
        x = new_input()

        logits = block.logits(x)

        want = 0
        for how in pools:
            block.pool_types = (how,)
            want = want + block.logits(x)
        torch.testing.assert_close(logits, want)

    def test_rejects_pools_given_as_one_word(self):
        words = r"pool_types must be a sequence of names.*got 'avg'\."

        with pytest.raises(OptionError, match=words):
            ChannelAttention(8, pool_types="avg")

    def test_rejects_no_pools(self):
        with pytest.raises(
            OptionError, match=r"pool_types must be a sequence of names"
        ):
            ChannelAttention(8, pool_types=())

    def test_offers_the_pool_that_was_meant(self):
        words = r"pool_types cannot be 'lp2'\. Did you mean 'lp'\?"

        with pytest.raises(OptionError, match=words):
            ChannelAttention(8, pool_types=("avg", "lp2"))


class TestSpatialAttention:
    def test_the_gate_starts_at_one_half_everywhere(self):
        gate = SpatialAttention(8).gate(torch.randn(2, 8, 5, 7))

        assert gate.eq(0.5).all()

    def test_a_zero_kernel_gives_a_gate_of_one_half(self):
        block = SpatialAttention(8, norm=False)
        nn.init.zeros_(block.conv.weight)

        assert block.gate(torch.randn(2, 8, 5, 7)).eq(0.5).all()

    @pytest.mark.parametrize("half", ["mean", "max"])
    def test_a_delta_kernel_gates_by_one_of_its_two_inputs(self, half):
        block, x = SpatialAttention(8, norm=False).double(), new_input()
        nn.init.zeros_(block.conv.weight)
        block.conv.weight.data[0, ["mean", "max"].index(half), 3, 3] = 1

        gate = block.gate(x)

        pooled = {"mean": x.mean(dim=1), "max": x.max(dim=1).values}[half]
        torch.testing.assert_close(gate[:, 0], pooled.sigmoid())

    def test_the_gate_is_blind_to_the_order_of_channels(self):
        torch.manual_seed(0)
        block, x = perturbed(SpatialAttention(8)), new_input()

        gate = block.gate(x[:, torch.randperm(8)])

        torch.testing.assert_close(gate, block.gate(x))

    def test_a_thing_moved_within_the_map_is_gated_alike(self):
        torch.manual_seed(0)
        block = perturbed(SpatialAttention(8, kernel_size=3))
        x = torch.zeros(1, 8, 9, 11, dtype=torch.float64)
        x[:, :, 2:5, 2:6] = torch.randn(1, 8, 3, 4, dtype=torch.float64)

        y = block(x.roll((2, 3), dims=(2, 3)))

        torch.testing.assert_close(y, block(x).roll((2, 3), dims=(2, 3)))

    def test_the_batch_norm_moves_as_slowly_as_the_official_one(self):
        bn = SpatialAttention(8).bn

        assert (bn.momentum, bn.eps) == (0.01, 1e-5)

    def test_a_single_place_cannot_be_normalised_in_training(self):
        block = SpatialAttention(8).train()

        with pytest.raises(ValueError, match="more than 1 value per channel"):
            block(torch.randn(1, 8, 1, 1))

    def test_without_batch_norm_a_single_place_trains(self):
        block = SpatialAttention(8, norm=False).train()

        assert block(torch.randn(1, 8, 1, 1)).isfinite().all()

    def test_takes_any_channels_if_none_are_named(self):
        x = torch.randn(1, 5, 2, 3)

        assert SpatialAttention()(x).equal(x / 2)

    def test_rejects_an_even_kernel_and_offers_its_neighbours(self):
        words = r"kernel_size must be odd.*got 6\. Nearest that fit: 5 or 7\.$"

        with pytest.raises(OptionError, match=words):
            SpatialAttention(8, kernel_size=6)
