"""What only shuffle attention promises; the rest is in tests/contracts."""

import math

import pytest
import torch
from torch import nn

import foveate as fv
from foveate import ops
from foveate.blocks import ShuffleAttention
from foveate.errors import OptionError

SIGMOID_OF_ONE = 1 / (1 + math.exp(-1))


def perturbed(channels, groups):
    block = ShuffleAttention(channels, groups=groups).double().eval()
    for parameter in block.parameters():
        parameter.data += torch.randn_like(parameter)
    return block


@pytest.mark.parametrize(
    ("channels", "groups", "parameters"),
    [(64, 8, 24), (256, 8, 96), (512, 8, 192), (256, 64, 12), (512, 64, 24)],
)
def test_has_three_parameters_per_channel_of_a_group(channels, groups, parameters):
    block = ShuffleAttention(channels, groups=groups)

    assert sum(p.numel() for p in block.parameters()) == parameters


def test_the_published_models_use_64_groups():
    assert fv.create("shuffle.imagenet", 128).groups == 64


def test_starts_as_a_scaled_shuffle():
    x = torch.randn(2, 16, 3, 5, dtype=torch.float64)

    y = ShuffleAttention(16, groups=4).double()(x)

    # always shuffled in two: channel 8 g + j moves to 2 j + g
    order = [0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15]
    torch.testing.assert_close(y, SIGMOID_OF_ONE * x[:, order])


def test_the_first_half_of_a_group_is_gated_by_its_mean():
    torch.manual_seed(0)
    block = perturbed(8, 2)
    x = torch.randn(1, 8, 3, 5, dtype=torch.float64)

    gate = block.maps(x)["full"]

    # the second group is channels 4 to 7: 4 and 5 by channel
    for channel, own in ((4, 0), (5, 1)):
        weight, bias = block.channel_weight[0, own], block.channel_bias[0, own]
        want = torch.sigmoid(weight * x[0, channel].mean() + bias).expand(3, 5)
        torch.testing.assert_close(gate[0, channel], want)


def test_the_second_half_of_a_group_is_gated_by_its_normalised_values():
    torch.manual_seed(0)
    block = perturbed(8, 2)
    x = torch.randn(1, 8, 3, 5, dtype=torch.float64)

    gate = block.maps(x)["full"]

    # 6 and 7 by place
    for channel, own in ((6, 0), (7, 1)):
        one = x[0, channel]
        normal = (one - one.mean()) / (one.var(correction=0) + 1e-5).sqrt()
        normal = normal * block.norm.weight[own] + block.norm.bias[own]
        weight, bias = block.spatial_weight[0, own], block.spatial_bias[0, own]
        torch.testing.assert_close(
            gate[0, channel], torch.sigmoid(weight * normal + bias)
        )


def test_all_groups_share_their_weights():
    torch.manual_seed(0)
    block = perturbed(16, 4)
    x = torch.randn(2, 16, 3, 5, dtype=torch.float64)
    order = torch.randperm(4)

    def reorder(x):
        return x.reshape(2, 4, 4, 3, 5)[:, order].reshape(x.shape)

    found = block.maps(reorder(x))["full"]

    torch.testing.assert_close(found, reorder(block.maps(x)["full"]))


def test_commutes_with_any_order_of_places():
    torch.manual_seed(0)
    block = perturbed(16, 2)
    x = torch.randn(2, 16, 3, 5, dtype=torch.float64)
    order = torch.randperm(15)

    def reorder(x):
        return x.flatten(2)[:, :, order].reshape(x.shape)

    torch.testing.assert_close(block(reorder(x)), reorder(block(x)))


def test_trains_on_one_place_of_one_image_in_one_group():
    block = ShuffleAttention(2, groups=1).train()

    y = block(torch.ones(1, 2, 1, 1))

    torch.testing.assert_close(y.flatten(), torch.full((2,), SIGMOID_OF_ONE))


@pytest.mark.parametrize(
    ("channels", "fits"), [(100, "96 or 112"), (24, "16 or 32"), (8, "16")]
)
def test_rejects_other_multiples_and_offers_the_nearest(channels, fits):
    words = (
        rf"^ShuffleAttention: channels must be a multiple of 16 \(2 \* groups, with "
        rf"groups=8\), got {channels}\. Nearest that fit: {fits}\.$"
    )

    with pytest.raises(OptionError, match=words):
        ShuffleAttention(channels)


def test_rejects_groups_of_zero():
    with pytest.raises(OptionError, match=r"groups must be greater than 0, got 0\."):
        ShuffleAttention(16, groups=0)


def test_shows_its_options():
    assert repr(ShuffleAttention(16, groups=2)).startswith(
        "ShuffleAttention(\n  16, groups=2\n"
    )


def test_a_large_map_gives_the_numbers_of_the_reference():
    torch.manual_seed(0)
    block = ShuffleAttention(16, groups=2)
    for parameter in block.parameters():
        nn.init.normal_(parameter)
    x = torch.randn(2, 16, 37, 41, requires_grad=True)
    upward = torch.randn(2, 16, 37, 41)
    tensors = [x, *block.parameters()]

    y = block(x)
    found = torch.autograd.grad(y, tensors, upward)

    with ops.using("reference"):
        want = block(x)
    torch.testing.assert_close(y, want)
    wanted = torch.autograd.grad(want, tensors, upward)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-3)


def test_a_large_map_keeps_little_more_than_itself_for_its_gradient():
    block, kept = ShuffleAttention(16, groups=2), {}
    x = torch.randn(2, 16, 37, 41, requires_grad=True)

    def keep(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    path = ops.explain(block, x)[0].path
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        y = block(x)

    assert y.shape == x.shape
    assert path == "reference" or sum(kept.values()) < 1.1 * x.nbytes
