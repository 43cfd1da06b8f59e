"""Gates of halves in one pass give what their reference gives."""

from pathlib import Path

import pytest
import torch

from foveate import ops
from foveate._loading import load_file
from foveate.errors import OptionError
from foveate.ops.kernels import halves, native

agreement = load_file(Path(__file__).with_name("agreement.py"))
map_of = agreement.map_of
EPS = 1e-5
LARGE = (1, 8, 64, 33)
# of 1, 2 and 3 groups of 4
SHAPES = [(1, 4, 1, 1), (2, 8, 5, 7), (3, 4, 1, 13), (1, 12, 19, 1), (1, 8, 33, 17)]

pytestmark = pytest.mark.skipif(
    native.why_not() is not None, reason=str(native.why_not())
)


def lines(length=4):
    return map_of(1, length, 1, 1).flatten(), map_of(1, 1, length, 1).flatten()


@pytest.mark.parametrize("sliced", [False, True], ids=["whole", "sliced"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_outputs_and_gradients_are_those_of_the_reference(shape, sliced):
    x = map_of(*shape, sliced=sliced)

    agreement.assert_agrees(ops.halves_scale, x, *lines(), EPS, atol=2e-5)


@pytest.mark.parametrize("length", [2, 4, 12])
def test_groups_of_any_even_length_agree(length):
    x = map_of(2, 12, 5, 7)

    agreement.assert_agrees(ops.halves_scale, x, *lines(length), EPS, atol=2e-5)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_two_passes_as_on_cuda_agree_too(shape):
    x = map_of(*shape)

    # of such sizes the references of both passes run, also on a CPU
    agreement.assert_agrees(
        ops.halves_scale, x, *lines(), EPS, path="triton", rtol=1e-4, atol=2e-5
    )


def test_weights_of_0_agree_in_their_gradients():
    x, bias = map_of(2, 8, 5, 7), lines()[1]

    agreement.assert_agrees(ops.halves_scale, x, torch.zeros(4), bias, EPS, atol=2e-5)


def test_a_mean_far_from_0_costs_no_more_than_its_own_rounding():
    random = torch.Generator().manual_seed(0)
    # whole numbers, which float32 holds beside the mean
    x = (torch.randint(-9, 10, (2, 8, 33, 31), generator=random) + 1e3).float()

    y = halves.halves_scale(x, *lines(), EPS)[0]

    want = ops.halves_scale.reference(x.double(), *lines(), EPS)
    # half the spacing of float32 at 1000, over a deviation of 5.5
    torch.testing.assert_close(y.double(), want, rtol=3e-5 / 5, atol=1e-30)


def test_logits_of_0_give_one_half_to_the_bit():
    x, none = map_of(2, 8, 5, 7), torch.zeros(4)

    y = halves.halves_scale(x, none, none, EPS)[0]

    assert (2 * y).equal(ops.channel_shuffle(x, 2))


def test_every_value_is_written():
    with agreement.filled_with_nan():
        agreement.assert_agrees(
            ops.halves_scale, map_of(3, 8, 7, 11), *lines(), EPS, atol=2e-5
        )


@pytest.mark.parametrize("at", [0, 1, 2])
def test_values_that_are_not_finite_come_through_as_in_the_reference(at):
    for x in (map_of(2, 8, 5, 7), map_of(1, 4, 5, 7)):
        agreement.assert_agrees_where_not_finite(
            ops.halves_scale, x, *lines(), EPS, at=at
        )


def test_an_infinite_value_in_the_half_of_channels_agrees():
    x = map_of(1, 8, 5, 7)
    x[0, 1, 2, 3] = float("inf")

    y = halves.halves_scale(x, *lines(), EPS)[0]

    agreement.assert_all_close([y], [ops.halves_scale.reference(x, *lines(), EPS)])


def test_second_gradients_are_those_of_the_reference():
    agreement.assert_agrees_twice(
        ops.halves_scale, map_of(2, 8, 5, 7), *lines(), EPS, rtol=1e-4, atol=1e-4
    )


def test_the_number_of_threads_changes_no_bit():
    agreement.assert_same_bits_with_any_threads(
        ops.halves_scale, map_of(3, 8, 13, 17), *lines(), EPS
    )


def test_the_other_images_change_no_bit():
    agreement.assert_same_bits_for_an_image_alone(
        ops.halves_scale, map_of(3, 8, 13, 17), *lines(), EPS
    )


def test_both_operations_are_registered_with_torch():
    x = map_of(2, 8, 5, 7)
    y, saved = halves.halves_scale(x, *lines(), EPS)

    learned = agreement.leaves([x, *lines()])
    agreement.assert_registered(halves.halves_scale, *learned, EPS)
    agreement.assert_registered(
        halves.halves_scale_backward, y, x, *lines(), EPS, saved
    )


def test_a_graph_without_a_break_has_the_same_numbers():
    agreement.assert_compiles(
        ops.halves_scale, map_of(*LARGE), *lines(), EPS, rtol=1e-4, atol=1e-4
    )


def test_only_the_map_and_numbers_of_channels_are_kept_for_the_gradient():
    x = map_of(*LARGE)

    kept = agreement.saved_bytes(ops.halves_scale, x, *lines(), EPS)

    # two a channel, and a weight and a bias for each of a group
    assert kept == x.nbytes + 2 * 8 * 4 + 2 * 4 * 4


def test_autocast_keeps_the_type_of_the_map():
    with torch.autocast("cpu", torch.bfloat16):
        y = ops.halves_scale(map_of(*LARGE), *lines(), EPS)

    assert y.dtype == torch.float32


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"x": map_of(*LARGE).half()}, "takes float32, got torch.float16"),
        ({"x": map_of(1, 8, 5, 7)}, "pays from 16384 values an image, got 280"),
        (
            {"weight": torch.ones(3)},
            r"takes weight and bias of one even length, got \(\(3,\), \(4,\)\)",
        ),
        (
            {"weight": torch.ones(6), "bias": torch.ones(6)},
            "takes channels in groups of 6, got 8",
        ),
    ],
    ids=["type", "size", "weight", "groups"],
)
def test_a_refusal_says_why(changed, why):
    weight, bias = lines()
    given = {"x": map_of(*LARGE), "weight": weight, "bias": bias, "eps": EPS}

    with ops.using("native"), pytest.raises(OptionError, match=why):
        ops.halves_scale(**(given | changed))
