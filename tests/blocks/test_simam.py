"""What only SimAM promises; the rest is in tests/contracts."""

import math

import pytest
import torch

import foveate as fv
from foveate.blocks import SimAM
from foveate.errors import OptionError, ShapeError


def sigmoid(logit):
    return 1 / (1 + math.exp(-logit))


def test_the_published_models_use_a_lambda_of_a_tenth():
    assert fv.create("simam.imagenet", 64).e_lambda == 0.1


def test_has_no_state():
    assert SimAM(64).state_dict() == {}


def test_matches_the_formula_by_hand_for_four_places():
    x = torch.tensor([[[[0.0, 1.0], [2.0, 3.0]]]], dtype=torch.float64)

    y = SimAM(1)(x)

    # mean 3/2, squares 9/4 and 1/4, variance 5 / 3
    inner, outer = (
        sigmoid(square / (4 * (5 / 3 + 1e-4)) + 1 / 2) for square in (1 / 4, 9 / 4)
    )
    assert y.flatten().tolist() == pytest.approx([0, inner, 2 * inner, 3 * outer])


def test_matches_the_formula_by_hand_for_one_hot_place():
    x = torch.zeros(1, 1, 4, 4, dtype=torch.float64)
    x[0, 0, 1, 2] = 10

    y = SimAM(1)(x)

    # ((N - 1) / N)^2 a^2 / (4 (a^2 / N + lambda)) + 1/2, for N = 16 and a = 10
    logit = (15 / 16) ** 2 * 100 / (4 * (100 / 16 + 1e-4)) + 1 / 2
    assert y[0, 0, 1, 2].item() == pytest.approx(10 * sigmoid(logit))


@pytest.mark.parametrize(("height", "width"), [(5, 7), (1, 1), (1, 9)])
def test_a_constant_map_has_the_gate_of_one_half(height, width):
    x = torch.full((2, 3, height, width), 3.0, dtype=torch.float64)

    gate = SimAM(3).gate(x)

    torch.testing.assert_close(gate, torch.full_like(x, sigmoid(1 / 2)))


def test_a_map_of_one_place_has_a_finite_gradient():
    x = torch.randn(1, 3, 1, 1, requires_grad=True)

    SimAM(3)(x).sum().backward()

    torch.testing.assert_close(x.grad, torch.full_like(x, sigmoid(1 / 2)))


def test_logits_stay_within_their_bounds():
    torch.manual_seed(0)
    x = torch.randn(4, 8, 3, 5, dtype=torch.float64)

    logits = SimAM(8, e_lambda=1e-12).logits(x)

    # (N - 1)^2 / (4 N) + 1/2 for N = 15, reached by one hot place
    assert logits.min() >= 0.5
    assert logits.max() <= 14**2 / 60 + 0.5


def test_is_odd():
    torch.manual_seed(0)
    block, x = SimAM(8), torch.randn(2, 8, 5, 7)

    assert block(-x).equal(-block(x))


def test_the_gate_is_blind_to_a_constant():
    torch.manual_seed(0)
    block, x = SimAM(8), torch.randn(2, 8, 5, 7, dtype=torch.float64)
    offset = torch.randn(2, 8, 1, 1, dtype=torch.float64)

    torch.testing.assert_close(block.gate(x + offset), block.gate(x))


def test_commutes_with_any_order_of_places_and_channels():
    torch.manual_seed(0)
    block, x = SimAM(8), torch.randn(2, 8, 3, 5, dtype=torch.float64)
    places, channels = torch.randperm(15), torch.randperm(8)

    def reorder(x):
        return x.flatten(2)[:, channels][:, :, places].reshape(x.shape)

    torch.testing.assert_close(block(reorder(x)), reorder(block(x)))


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float16, 2e-3), (torch.bfloat16, 2e-2)], ids=str
)
def test_a_large_map_in_half_precision_keeps_its_gate(dtype, tolerance):
    torch.manual_seed(0)
    # summed in float16, the squares of this map overflow and flatten the gate
    x = (6 * torch.randn(1, 4, 56, 56)).to(dtype)

    y = SimAM(4)(x)

    want = SimAM(4)(x.double())
    torch.testing.assert_close(y.double(), want, rtol=tolerance, atol=tolerance)


def test_takes_any_channels_if_none_are_named():
    x = torch.randn(1, 5, 2, 3)

    assert SimAM()(x).equal(SimAM(5)(x))


def test_without_channels_says_c_in_an_error():
    with pytest.raises(ShapeError, match=r"expects \(B, C, H, W\), got \(2, 3\)"):
        SimAM()(torch.zeros(2, 3))


@pytest.mark.parametrize("e_lambda", [0, -1e-4, float("inf"), "small"])
def test_rejects_a_lambda_that_is_not_above_0(e_lambda):
    with pytest.raises(OptionError, match=r"e_lambda must be a number greater than 0"):
        SimAM(64, e_lambda=e_lambda)


def test_shows_its_options():
    assert repr(SimAM(64, e_lambda=0.1)) == "SimAM(64, e_lambda=0.1)"
