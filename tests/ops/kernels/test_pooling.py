"""Pooling from one reading of the map gives what its reference gives."""

import math
from pathlib import Path

import pytest
import torch

import foveate as fv
from foveate import ops
from foveate._loading import load_file
from foveate.ops.kernels import native, pooling

agreement = load_file(Path(__file__).with_name("agreement.py"))

OPS = [
    ops.mean_max_over_places,
    ops.mean_max_over_channels,
    ops.mean_of_rows_and_columns,
]

pytestmark = pytest.mark.skipif(
    native.why_not() is not None, reason=str(native.why_not())
)


def gate_of(x):
    return torch.rand(*x.shape[:2], 1, 1, generator=torch.Generator().manual_seed(1))


def inputs_of(op, x):
    """Return what the operation takes: a gate too if it can."""
    return (x, gate_of(x)) if op is ops.mean_max_over_channels else (x,)


def second_gradients(function, inputs):
    """Return those of squares: a mean alone has a gradient that is constant."""
    given = agreement.leaves(inputs)
    squares = sum(y.square().sum() for y in agreement.listed(function(*given)))
    first = torch.autograd.grad(squares, given, create_graph=True)
    return torch.autograd.grad(sum(g.square().sum() for g in first), given)


@pytest.fixture(params=OPS, ids=lambda op: op.__name__)
def op(request):
    return request.param


@pytest.mark.parametrize("sliced", [False, True], ids=["whole", "sliced"])
@pytest.mark.parametrize("shape", [*agreement.SHAPES, (1, 2, 71, 67)], ids=str)
def test_outputs_and_gradients_are_those_of_the_reference(op, shape, sliced):
    x = agreement.map_of(*shape, sliced=sliced)

    # places at the maximum depend on how a product is rounded
    agreement.assert_agrees(op, *inputs_of(op, x), dtype=torch.float32, atol=1e-5)


@pytest.mark.parametrize("shape", agreement.SHAPES, ids=str)
def test_channels_are_pooled_without_a_gate(shape):
    x = agreement.map_of(*shape)

    agreement.assert_agrees(ops.mean_max_over_channels, x)


def test_a_map_of_many_tiles_is_pooled_over_channels():
    x = agreement.map_of(1, 70, 47, 61)

    agreement.assert_agrees(
        ops.mean_max_over_channels, x, gate_of(x), dtype=torch.float32, atol=1e-4
    )


def test_a_gate_of_another_layout_and_type_is_taken():
    x = agreement.map_of(2, 5, 3, 7)
    gate = gate_of(x).double().expand(2, 5, 2, 1)[:, :, :1]

    agreement.assert_agrees(
        ops.mean_max_over_channels, x, gate, dtype=None, rtol=1e-4, atol=1e-5
    )


def test_every_value_is_written(op):
    x = agreement.map_of(3, 5, 7, 11)

    with agreement.filled_with_nan():
        agreement.assert_agrees(op, *inputs_of(op, x), dtype=torch.float32)


def test_values_that_are_not_finite_come_through_as_in_the_reference(op):
    inputs = inputs_of(op, agreement.map_of(2, 5, 5, 7))

    for at in range(len(inputs)):
        agreement.assert_agrees_where_not_finite(op, *inputs, at=at)


def test_an_infinity_of_each_sign_is_no_nan_to_the_maximum():
    x = agreement.map_of(1, 3, 2, 5)
    x[0, :, 0, 0], x[0, :, 1, 2] = math.inf, -math.inf
    x[0, 0, 1, 4], x[0, 1, 1, 4] = math.inf, -math.inf

    for op in (ops.mean_max_over_places, ops.mean_max_over_channels):
        found, want = agreement.path_of(op)(x), op.reference(x)
        agreement.assert_all_close(agreement.listed(found), agreement.listed(want))


def test_the_gradient_of_a_nan_is_that_of_the_reference(op):
    x = agreement.map_of(2, 5, 5, 7)
    x[1, 2, 3, 4] = math.nan
    inputs = inputs_of(op, x)

    found = agreement.outputs_and_gradients(agreement.path_of(op), inputs)

    want = agreement.outputs_and_gradients(op.reference, inputs)
    agreement.assert_all_close(found, want)


def test_equal_places_share_the_gradient_of_their_maximum():
    x = torch.tensor([[1.0, 4.0, 4.0], [4.0, 0.0, 4.0]]).reshape(1, 1, 2, 3)
    x.requires_grad_()

    _, maximum = agreement.path_of(ops.mean_max_over_places)(x)
    maximum.sum().backward()

    want = torch.tensor([[0, 0.25, 0.25], [0.25, 0, 0.25]]).reshape(1, 1, 2, 3)
    assert x.grad.equal(want)


def test_equal_channels_share_the_gradient_of_their_maximum():
    x = torch.tensor([2.0, 6.0, 1.0]).reshape(1, 3, 1, 1).requires_grad_()
    gate = torch.tensor([3.0, 1.0, 2.0]).reshape(1, 3, 1, 1).requires_grad_()

    pooled = agreement.path_of(ops.mean_max_over_channels)(x, gate)
    pooled[:, 1].sum().backward()

    # products are 6, 6 and 2: one half each to the first two, times the other factor
    assert x.grad.flatten().tolist() == [1.5, 0.5, 0.0]
    assert gate.grad.flatten().tolist() == [1.0, 3.0, 0.0]


def test_second_gradients_are_those_of_the_reference(op):
    inputs = inputs_of(op, agreement.map_of(2, 3, 5, 7))

    found = second_gradients(agreement.path_of(op), inputs)

    want = second_gradients(op.reference, inputs)
    agreement.assert_all_close(found, want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(3, 5, 17, 9), (2, 3, 71, 67)], ids=str)
def test_threads_and_other_images_change_no_bit(op, shape):
    inputs = inputs_of(op, agreement.map_of(*shape))

    agreement.assert_same_bits_with_any_threads(op, *inputs)
    agreement.assert_same_bits_for_an_image_alone(op, *inputs)


def test_operations_over_places_are_registered_as_torch_expects():
    x = agreement.map_of(2, 3, 5, 7)
    mean, maximum = pooling.mean_max_over_places(x)

    agreement.assert_registered(pooling.mean_max_over_places, x.requires_grad_())
    agreement.assert_registered(
        pooling.mean_max_over_places_backward, mean, maximum, x.detach(), maximum
    )


@pytest.mark.parametrize("gated", [False, True])
def test_operations_over_channels_are_registered_as_torch_expects(gated):
    x = agreement.map_of(2, 3, 5, 7)
    gate = gate_of(x) if gated else None
    pooled = pooling.mean_max_over_channels(x, gate)

    agreement.assert_registered(
        pooling.mean_max_over_channels_backward, pooled, x, gate, pooled
    )
    agreement.assert_registered(
        pooling.mean_max_over_channels, x.requires_grad_(), gate
    )


def test_operations_over_rows_are_registered_as_torch_expects():
    x = agreement.map_of(2, 3, 5, 7)
    rows, columns = pooling.mean_of_rows_and_columns(x)

    agreement.assert_registered(
        pooling.mean_of_rows_and_columns_backward, rows, columns, x
    )
    agreement.assert_registered(pooling.mean_of_rows_and_columns, x.requires_grad_())


def test_a_graph_runs_the_kernel(op):
    x = agreement.map_of(2, 64, 19, 17)

    agreement.assert_compiles(op, *inputs_of(op, x), rtol=1e-4, atol=1e-5)


def test_the_map_and_its_maxima_are_saved():
    x = agreement.map_of(2, 64, 19, 17)

    saved = agreement.saved_bytes(ops.mean_max_over_places, x)

    assert saved == 4 * (x.numel() + 2 * 64)


def test_the_map_the_gate_and_what_was_pooled_are_saved():
    x = agreement.map_of(2, 64, 19, 17)

    saved = agreement.saved_bytes(ops.mean_max_over_channels, x, gate_of(x))

    assert saved == 4 * (x.numel() + 2 * 64 + 2 * 2 * 19 * 17)


def test_cbam_saves_its_map_once_and_else_only_what_is_small():
    torch.manual_seed(0)
    block, x = fv.create("cbam", 128), agreement.map_of(2, 128, 35, 37)

    saved = agreement.saved_bytes(block, x)

    assert 1 <= saved / (4 * x.numel()) < 1.2


@pytest.mark.parametrize("name", ["channel", "spatial", "cbam", "coordinate"])
def test_a_block_on_kernels_is_the_block_on_references(name):
    torch.manual_seed(0)
    block, x = fv.create(name, 64).eval(), agreement.map_of(2, 64, 19, 17)
    for parameter in block.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)

    y = block(x)

    with ops.using("reference"):
        torch.testing.assert_close(y, block(x))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_the_type_of_the_map_stays_under_autocast(op, dtype):
    x = agreement.map_of(2, 64, 19, 17)
    inputs = inputs_of(op, x)

    with torch.autocast("cpu", dtype=dtype):
        (choice,) = ops.explain(op, *inputs)
        outputs = agreement.listed(op(*inputs))

    assert choice.path == "native"
    assert all(y.dtype == torch.float32 for y in outputs)


def test_a_map_that_a_kernel_cannot_take_is_refused_in_words(op):
    x = agreement.map_of(2, 64, 19, 17)

    choice = ops.explain(op, *inputs_of(op, x.double()))[0]

    assert choice.path == "reference"
    assert choice.refusals["native"] == "takes float32, got torch.float64"


def test_a_gate_of_places_is_refused_in_words():
    x = agreement.map_of(2, 64, 19, 17)

    choice = ops.explain(ops.mean_max_over_channels, x, x[:, :1])[0]

    assert choice.refusals["native"] == (
        "takes a gate of shape (B, C, 1, 1), got (2, 1, 19, 17)"
    )
