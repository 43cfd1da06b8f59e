"""Moments, and the sigmoid of a line, in one pass give what their references give."""

from pathlib import Path

import pytest
import torch

from foveate import ops
from foveate._loading import load_file
from foveate.errors import OptionError
from foveate.ops.kernels import affine, native

agreement = load_file(Path(__file__).with_name("agreement.py"))
map_of = agreement.map_of
LARGE = (1, 8, 64, 33)

pytestmark = pytest.mark.skipif(
    native.why_not() is not None, reason=str(native.why_not())
)


def line_of(batch, channels):
    """Return weights and biases of both signs; the first weight is 0."""
    weight = map_of(batch, channels, 1, 1)
    weight[:, 0] = 0
    return weight, map_of(batch, channels, 1, 1).flip(1)


def lines_of(x):
    return [line_of(1, x.shape[1]), line_of(*x.shape[:2])]


@pytest.mark.parametrize("sliced", [False, True], ids=["whole", "sliced"])
@pytest.mark.parametrize("shape", [*agreement.SHAPES, (1, 2, 31, 37)], ids=str)
def test_moments_are_those_of_the_reference(shape, sliced):
    x = map_of(*shape, sliced=sliced)

    agreement.assert_agrees(ops.moments, x)


@pytest.mark.parametrize("sliced", [False, True], ids=["whole", "sliced"])
@pytest.mark.parametrize("shape", agreement.SHAPES, ids=str)
def test_a_line_scales_as_in_the_reference(shape, sliced):
    x = map_of(*shape, sliced=sliced)

    for line in lines_of(x):
        agreement.assert_agrees(ops.affine_sigmoid_scale, x, *line, 1)


@pytest.mark.parametrize("groups", [2, 3, 4, 12])
def test_channels_are_shuffled_as_in_the_reference(groups):
    x = map_of(2, 12, 5, 7)

    for line in lines_of(x):
        agreement.assert_agrees(ops.affine_sigmoid_scale, x, *line, groups)


def test_a_weight_and_a_bias_may_be_shared_or_not_each_for_itself():
    x = map_of(2, 6, 5, 7)
    (shared, _), (_, own) = lines_of(x)

    agreement.assert_agrees(ops.affine_sigmoid_scale, x, shared, own, 2)
    agreement.assert_agrees(ops.affine_sigmoid_scale, x, own, shared, 2)


def test_moments_by_hand():
    x = torch.tensor([[[[1.0, 2.0, 3.0, 6.0]], [[5.0, 5.0, 5.0, 5.0]]]])

    mean, variance = affine.moments(x)

    # of the first: deviations -2, -1, 0, 3
    assert mean.flatten().tolist() == [3.0, 5.0]
    assert variance.flatten().tolist() == [3.5, 0.0]


@pytest.mark.parametrize("far", [1e3, 1e5, -3e6])
def test_a_mean_far_from_0_costs_no_digit(far):
    random = torch.Generator().manual_seed(0)
    # whole numbers, which float32 holds beside the mean
    x = torch.randint(-9, 10, (2, 3, 45, 47), generator=random) + far

    mean, variance = affine.moments(x.float())

    wide = x.double()
    torch.testing.assert_close(
        mean.double(), wide.mean(dim=(2, 3), keepdim=True), rtol=1.2e-7, atol=0
    )
    want = wide.var(dim=(2, 3), correction=0, keepdim=True)
    torch.testing.assert_close(variance.double(), want, rtol=2e-6, atol=0)


@pytest.mark.parametrize("value", [0.0, 0.1, -7e5, 3e-39])
def test_a_constant_has_no_variance(value):
    _, variance = affine.moments(torch.full((1, 2, 33, 31), value))

    assert variance.eq(0).all()


def test_logits_of_0_give_one_half_to_the_bit():
    x = map_of(2, 6, 5, 7)
    none = torch.zeros(1, 6, 1, 1)

    y = affine.affine_sigmoid_scale(x, none, none, 1)

    assert (2 * y).equal(x)


def test_every_value_is_written():
    x = map_of(3, 6, 7, 11)

    with agreement.filled_with_nan():
        agreement.assert_agrees(ops.moments, x)
        for line in lines_of(x):
            agreement.assert_agrees(ops.affine_sigmoid_scale, x, *line, 2)


def test_values_that_are_not_finite_come_through_as_in_the_reference():
    x = map_of(2, 6, 5, 7)

    agreement.assert_agrees_where_not_finite(ops.moments, x)
    for line in lines_of(x):
        for at in range(3):
            agreement.assert_agrees_where_not_finite(
                ops.affine_sigmoid_scale, x, *line, 2, at=at
            )


def test_infinite_values_of_weight_0_come_through_as_in_the_reference():
    x = torch.tensor([float("inf"), -float("inf"), 1.0]).view(1, 1, 1, 3)
    weight, bias = torch.zeros(1, 1, 1, 1), torch.ones(1, 1, 1, 1)

    y = affine.affine_sigmoid_scale(x, weight, bias, 1)

    agreement.assert_all_close(
        [y], [ops.affine_sigmoid_scale.reference(x, weight, bias)]
    )


def test_second_gradients_are_those_of_the_reference():
    x = map_of(2, 6, 5, 7)

    agreement.assert_agrees_twice(ops.moments, x)
    for line in lines_of(x):
        agreement.assert_agrees_twice(ops.affine_sigmoid_scale, x, *line, 2)


def test_the_number_of_threads_changes_no_bit():
    x = map_of(3, 6, 13, 17)

    agreement.assert_same_bits_with_any_threads(ops.moments, x)
    agreement.assert_same_bits_with_any_threads(
        ops.affine_sigmoid_scale, x, *line_of(1, 6), 2
    )


def test_the_other_images_change_no_bit():
    x = map_of(3, 6, 13, 17)

    agreement.assert_same_bits_for_an_image_alone(ops.moments, x)
    agreement.assert_same_bits_for_an_image_alone(
        ops.affine_sigmoid_scale, x, *line_of(3, 6), 2
    )


@pytest.mark.slow
def test_moments_are_registered_with_torch():
    x = map_of(2, 4, 5, 7)
    mean, _ = affine.moments(x)

    agreement.assert_registered(affine.moments, x.requires_grad_())
    agreement.assert_registered(
        affine.moments_backward, mean, torch.ones_like(mean), x.detach(), mean
    )


@pytest.mark.slow
def test_a_line_is_registered_with_torch():
    x = map_of(2, 4, 5, 7)

    for line in lines_of(x):
        learned = agreement.leaves([x, *line])
        agreement.assert_registered(affine.affine_sigmoid_scale, *learned, 2)
        agreement.assert_registered(
            affine.affine_sigmoid_scale_backward, torch.ones_like(x), x, *line, 2
        )


def test_a_graph_without_a_break_has_the_same_numbers():
    x = map_of(*LARGE)

    agreement.assert_compiles(ops.moments, x)
    agreement.assert_compiles(ops.affine_sigmoid_scale, x, *line_of(1, 8), 2)


def test_only_the_map_and_numbers_of_channels_are_kept_for_the_gradient():
    x = map_of(*LARGE)

    # the mean, a weight and a bias are numbers of 4 bytes
    assert agreement.saved_bytes(ops.moments, x) == x.nbytes + 8 * 4
    kept = agreement.saved_bytes(ops.affine_sigmoid_scale, x, *line_of(1, 8), 2)
    assert kept == x.nbytes + 2 * 8 * 4


def test_autocast_keeps_the_type_of_the_map():
    x = map_of(*LARGE)

    with torch.autocast("cpu", torch.bfloat16):
        y = ops.affine_sigmoid_scale(x, *line_of(1, 8), 2)
        mean, variance = ops.moments(x)

    assert {y.dtype, mean.dtype, variance.dtype} == {torch.float32}


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"x": map_of(*LARGE).double()}, "takes float32, got torch.float64"),
        (
            {"x": map_of(1, 8, 5, 7)},
            "pays from 16384 values an image, got 280",
        ),
        (
            {"weight": torch.ones(8, 1, 1)},
            r"takes weight and bias of \(B, C, 1, 1\) or \(1, C, 1, 1\), "
            r"got \(8, 1, 1\)",
        ),
        (
            {"bias": torch.ones(1, 1, 64, 33)},
            r"takes weight and bias of .*, got \(1, 1, 64, 33\)",
        ),
        ({"groups": 3}, "takes channels in 3 runs of one length, got 8"),
    ],
    ids=["type", "size", "weight", "bias", "groups"],
)
def test_a_refusal_says_why(changed, why):
    weight, bias = line_of(1, 8)
    given = {"x": map_of(*LARGE), "weight": weight, "bias": bias, "groups": 2}

    with ops.using("native"), pytest.raises(OptionError, match=why):
        ops.affine_sigmoid_scale(**(given | changed))


def test_double_weights_are_taken_in_float32():
    x, (weight, bias) = map_of(*LARGE), line_of(1, 8)

    with ops.using("native"):
        y = ops.affine_sigmoid_scale(x, weight.double(), bias.double())

    assert y.equal(ops.affine_sigmoid_scale(x, weight, bias))
