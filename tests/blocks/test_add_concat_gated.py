"""What only add, concat and gated fusion promise; the rest is in tests/contracts."""

import pytest
import torch
from torch import nn

from foveate.blocks import Add, Concat, GatedFusion
from foveate.errors import OptionError


def maps(count, channels=4):
    random = torch.Generator().manual_seed(0)
    shape = (2, channels, 3, 5)
    return [torch.randn(shape, generator=random).double() for _ in range(count)]


@pytest.mark.parametrize("count", [2, 3, 5])
def test_add_adds_any_number_of_maps(count):
    given = maps(count)

    torch.testing.assert_close(Add(4, num_inputs=count)(*given), sum(given))


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("bias", [True, False])
def test_concat_is_a_matrix_over_the_stacked_channels(count, bias):
    fusion = Concat(4, num_inputs=count, bias=bias).double()
    given = maps(count)

    y = fusion(*given)

    want = torch.einsum(
        "oc,bchw->bohw", fusion.project.weight[:, :, 0, 0], torch.cat(given, dim=1)
    )
    if bias:
        want = want + fusion.project.bias.reshape(1, 4, 1, 1)
    torch.testing.assert_close(y, want)


@pytest.mark.parametrize(
    ("channels", "parameters"), [(64, 8_320), (256, 131_584), (512, 525_312)]
)
def test_gated_has_two_matrices_and_two_biases(channels, parameters):
    found = sum(p.numel() for p in GatedFusion(channels).parameters())

    assert found == parameters == 2 * channels**2 + 2 * channels


def test_gated_with_zero_weights_is_the_mean():
    fusion = GatedFusion(4).double()
    for parameter in fusion.parameters():
        nn.init.zeros_(parameter)
    first, second = maps(2)

    torch.testing.assert_close(fusion(first, second), (first + second) / 2)


def test_gated_follows_the_formula_by_hand():
    fusion = GatedFusion(1).double()
    one = torch.ones(1, 1, 1, 1, dtype=torch.float64)
    with torch.no_grad():
        for fc, weight, bias in ((fusion.fc1, 1.0, 0.5), (fusion.fc2, -2.0, 0.0)):
            fc.weight.fill_(weight)
            fc.bias.fill_(bias)

    y = fusion(1.5 * one, 1.0 * one)

    # z = sigmoid(1.5 + 0.5 - 2) = 1/2
    torch.testing.assert_close(y, 1.25 * one)


def test_gated_lies_between_its_inputs():
    first, second = maps(2)

    y = GatedFusion(4).double()(first, second)

    assert (y >= torch.minimum(first, second)).all()
    assert (y <= torch.maximum(first, second)).all()


def test_gated_of_two_equal_maps_is_the_map():
    x = maps(1)[0]

    torch.testing.assert_close(GatedFusion(4).double()(x, x), x)


def test_gated_gates_channels_also_where_the_width_equals_them():
    # code written for channels that stand last would gate over the width
    fusion = GatedFusion(4).double()
    first, second = (x[..., :4] for x in maps(2))
    order = torch.tensor([2, 0, 3, 1])

    y = fusion(first[..., order], second[..., order])

    torch.testing.assert_close(y, fusion(first, second)[..., order])


def test_gated_takes_two_maps_only():
    with pytest.raises(TypeError, match="num_inputs"):
        GatedFusion(4, num_inputs=3)


def test_concat_refuses_a_bias_that_is_no_boolean():
    with pytest.raises(OptionError, match="bias must be True or False, got 1"):
        Concat(4, bias=1)
