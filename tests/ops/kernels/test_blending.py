"""Blending in one pass, forward and backward, gives what the reference gives."""

from pathlib import Path

import pytest
import torch

from foveate._loading import load_file
from foveate.ops._op import explain, using
from foveate.ops.blending import blend
from foveate.ops.kernels import native, scaling

agreement = load_file(Path(__file__).with_name("agreement.py"))
map_of = agreement.map_of

pytestmark = pytest.mark.skipif(
    native.why_not() is not None, reason=str(native.why_not())
)


def inputs_of(*shape, sliced=False):
    x = map_of(*shape, sliced=sliced)
    y = 0.3 - map_of(*shape, sliced=sliced).flip(3)
    return x, y, map_of(shape[1], 1, 1, 1).flatten()


@pytest.mark.parametrize("sliced", [False, True], ids=["whole", "sliced"])
@pytest.mark.parametrize("shape", agreement.SHAPES, ids=str)
def test_outputs_and_gradients_are_those_of_the_reference(shape, sliced):
    inputs = inputs_of(*shape, sliced=sliced)

    with agreement.filled_with_nan():
        agreement.assert_agrees(blend, *inputs, atol=2e-5)


def test_a_second_map_sliced_from_a_larger_one_is_read_where_it_is():
    x, _, amount = inputs_of(2, 6, 5, 7)

    agreement.assert_agrees(blend, x, map_of(2, 6, 5, 7, sliced=True), amount)


def test_an_amount_of_zero_returns_the_map_to_the_bit():
    x, y, amount = inputs_of(2, 6, 9, 11)
    x[0, 0, 0, 0] = -0.0

    z = agreement.path_of(blend)(x, y, torch.zeros_like(amount))

    assert z.equal(x)


@pytest.mark.parametrize("at", [0, 1, 2])
def test_values_that_are_not_finite_come_through(at):
    agreement.assert_agrees_where_not_finite(blend, *inputs_of(2, 3, 5, 7), at=at)


def test_second_gradients_are_those_of_the_reference():
    inputs = inputs_of(2, 3, 5, 7)

    agreement.assert_agrees_twice(blend, *inputs, rtol=1e-4, atol=2e-5)


def test_threads_and_other_images_change_no_bit():
    inputs = inputs_of(3, 5, 17, 9)

    agreement.assert_same_bits_with_any_threads(blend, *inputs)
    agreement.assert_same_bits_for_an_image_alone(blend, *inputs)


def test_operations_are_registered_as_torch_expects():
    x, y, amount = inputs_of(2, 3, 5, 7)
    amount = amount.reshape(1, -1, 1, 1)
    learned = [value.clone().requires_grad_() for value in (x, y, amount)]

    agreement.assert_registered(scaling.blend, *learned)
    agreement.assert_registered(scaling.blend_backward, y, x, y, amount)


def test_a_graph_has_the_same_numbers():
    agreement.assert_compiles(blend, *inputs_of(2, 64, 9, 31), atol=2e-5)


def test_only_what_goes_in_is_saved():
    inputs = inputs_of(2, 64, 16, 32)
    assert explain(blend, *inputs)[0].path == "native"

    saved = agreement.saved_bytes(blend, *inputs)

    assert saved == 4 * sum(value.numel() for value in inputs)


def test_a_second_map_of_autocast_is_taken_in_the_type_of_the_first():
    x, y, amount = inputs_of(2, 64, 16, 24)

    z = blend(x, y.bfloat16(), amount)

    torch.testing.assert_close(z, blend.reference(x, y.bfloat16().float(), amount))


@pytest.mark.parametrize(
    ("y", "amount", "got"),
    [
        ((2, 64, 16, 1), 64, "(2, 64, 16, 24), (2, 64, 16, 1) and 64"),
        ((2, 64, 16, 24), 1, "(2, 64, 16, 24), (2, 64, 16, 24) and 1"),
    ],
)
def test_other_shapes_are_refused_in_words(y, amount, got):
    x = map_of(2, 64, 16, 24)

    (choice,) = explain(blend, x, torch.rand(y), torch.rand(amount))

    assert choice.path == "reference"
    assert choice.refusals["native"] == (
        f"takes two maps of one shape and an amount for each channel, got {got}"
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_an_amount_of_zero_returns_a_map_of_half_precision_to_the_bit(dtype):
    x, y, amount = inputs_of(2, 3, 5, 7)

    z = blend(x.to(dtype), y, torch.zeros_like(amount))

    assert z.equal(x.to(dtype))


def test_the_reference_matches_the_formula_by_hand():
    x = torch.tensor([1.0, 2.0]).reshape(1, 2, 1, 1)
    y = torch.tensor([3.0, 6.0]).reshape(1, 2, 1, 1)

    with using("reference"):
        z = blend(x, y, torch.tensor([0.5, 2.0]))

    # 1 + 0.5 * 2, and 2 + 2 * 4
    assert z.flatten().tolist() == [2.0, 10.0]
