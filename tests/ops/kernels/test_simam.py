"""SimAM in one pass gives what its reference gives."""

from pathlib import Path

import pytest
import torch

from foveate import ops
from foveate._loading import load_file
from foveate.ops.kernels import native, simam

agreement = load_file(Path(__file__).with_name("agreement.py"))
LAMBDA = 1e-4

pytestmark = pytest.mark.skipif(
    native.why_not() is not None, reason=str(native.why_not())
)


@pytest.mark.parametrize("sliced", [False, True], ids=["whole", "sliced"])
@pytest.mark.parametrize("shape", agreement.SHAPES, ids=str)
def test_outputs_and_gradients_are_those_of_the_reference(shape, sliced):
    x = agreement.map_of(*shape, sliced=sliced)

    agreement.assert_agrees(ops.simam, x, LAMBDA, rtol=5e-5, atol=5e-6)


def test_every_value_is_written():
    with agreement.filled_with_nan():
        agreement.assert_agrees(ops.simam, agreement.map_of(3, 5, 7, 11), LAMBDA)


def test_values_that_are_not_finite_come_through_as_in_the_reference():
    x = agreement.map_of(2, 3, 5, 7)

    agreement.assert_agrees_where_not_finite(ops.simam, x, LAMBDA)


def test_second_gradients_are_those_of_the_reference():
    x = agreement.map_of(2, 3, 5, 7)

    agreement.assert_agrees_twice(ops.simam, x, LAMBDA, rtol=1e-4, atol=1e-5)


def test_threads_and_other_images_change_no_bit():
    x = agreement.map_of(3, 5, 17, 9)

    agreement.assert_same_bits_with_any_threads(ops.simam, x, LAMBDA)
    agreement.assert_same_bits_for_an_image_alone(ops.simam, x, LAMBDA)


def test_operations_are_registered_as_torch_expects():
    x = agreement.map_of(2, 3, 5, 7).requires_grad_()
    y, saved = simam.simam(x.detach(), LAMBDA)

    agreement.assert_registered(simam.simam, x, LAMBDA)
    agreement.assert_registered(simam.simam_backward, y, x.detach(), LAMBDA, saved)


def test_a_graph_runs_the_kernel():
    agreement.assert_compiles(ops.simam, agreement.map_of(2, 64, 9, 7), LAMBDA)


def test_only_the_map_and_two_numbers_a_channel_are_saved():
    x = agreement.map_of(2, 64, 16, 8)

    saved = agreement.saved_bytes(ops.simam, x, LAMBDA)

    assert saved == 4 * (x.numel() + 2 * 2 * 64)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_the_type_of_the_map_stays_under_autocast(dtype):
    x = agreement.map_of(2, 64, 16, 8)

    with torch.autocast("cpu", dtype=dtype):
        y = ops.simam(x, LAMBDA)

    assert y.dtype == torch.float32


def test_a_small_map_is_refused_in_words():
    choice, *_ = ops.explain(ops.simam, torch.ones(1, 2, 3, 5), LAMBDA)

    assert choice.path == "reference"
    assert choice.refusals["native"] == "pays from 2048 values an image, got 30"
