"""Modulation by levels in C gives what its reference gives."""

from pathlib import Path

import pytest
import torch

from foveate import ops
from foveate._loading import load_file
from foveate.ops.kernels import levels, native

agreement = load_file(Path(__file__).with_name("agreement.py"))

pytestmark = pytest.mark.skipif(
    native.why_not() is not None, reason=str(native.why_not())
)
SHAPES = [(2, 8, 16, 24), (3, 8, 13, 18), (1, 4, 1, 1), (1, 12, 3, 40), (2, 4, 9, 1)]
CLOSE = {"rtol": 1e-4, "atol": 2e-5}


def weights(channels):
    random = torch.Generator().manual_seed(channels)
    shapes = [(channels, 1, 3, 3), (channels,), (channels, channels, 1, 1), (channels,)]
    return [0.4 * torch.randn(shape, generator=random) for shape in shapes]


@pytest.mark.parametrize("sliced", [False, True], ids=["whole", "sliced"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_outputs_and_gradients_are_those_of_the_reference(shape, sliced):
    x = agreement.map_of(*shape, sliced=sliced)

    agreement.assert_agrees(ops.modulate_by_levels, x, *weights(shape[1]), 4, **CLOSE)


@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_ties_share_the_gradient_as_in_the_reference(count):
    x = agreement.map_of(2, 12, 9, 14).round()

    agreement.assert_agrees(ops.modulate_by_levels, x, *weights(12), count, **CLOSE)


def test_every_value_is_written():
    x = agreement.map_of(3, 8, 11, 18)

    with agreement.filled_with_nan():
        agreement.assert_agrees(ops.modulate_by_levels, x, *weights(8), 4, **CLOSE)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_values_that_are_not_finite_spread_as_far_as_in_the_reference(value):
    x = agreement.map_of(2, 8, 9, 7)
    x[1, 5, 4, 3] = value

    found = agreement.path_of(ops.modulate_by_levels)(x, *weights(8), 4)

    # of a GELU of infinity torch makes infinity or NaN, as the place in memory falls
    wanted = ops.modulate_by_levels.reference(x, *weights(8), 4)
    finite = wanted.isfinite()
    assert found.isfinite().equal(finite)
    torch.testing.assert_close(found[finite], wanted[finite], **CLOSE)


def test_second_gradients_are_those_of_the_reference():
    x = agreement.map_of(1, 4, 5, 6)

    agreement.assert_agrees_twice(
        ops.modulate_by_levels, x, *weights(4), 4, rtol=1e-3, atol=1e-3
    )


def test_operations_are_registered_as_torch_expects():
    x, given = agreement.map_of(2, 4, 5, 7), weights(4)

    agreement.assert_registered(
        levels.modulate_by_levels, x.clone().requires_grad_(), *given, 4
    )
    agreement.assert_registered(levels.modulate_by_levels_backward, x, x, *given, 4)


def test_a_graph_gives_the_outputs_and_gradients():
    x = agreement.map_of(1, 8, 24, 16)

    agreement.assert_compiles(ops.modulate_by_levels, x, *weights(8), 4, **CLOSE)


def test_keeps_only_the_map_and_the_weights():
    x, given = agreement.map_of(1, 8, 24, 16), weights(8)

    kept = agreement.saved_bytes(ops.modulate_by_levels, x, *given, 4)

    assert kept == x.nbytes + sum(weight.nbytes for weight in given)


def test_says_why_it_does_not_run():
    x = torch.ones(1, 8, 24, 16)

    with torch.autocast("cpu", torch.bfloat16):
        choice = ops.explain(ops.modulate_by_levels, x, *weights(8), 4)[0]

    assert choice.refusals["native"] == "works in float32, and autocast is on"


def test_a_batch_of_no_images_gives_none():
    x = agreement.map_of(0, 8, 16, 24)

    agreement.assert_agrees(ops.modulate_by_levels, x, *weights(8), 4)


def test_a_gradient_within_autocast_is_in_float32():
    inputs = agreement.leaves([agreement.map_of(2, 8, 16, 24), *weights(8)])
    y = agreement.path_of(ops.modulate_by_levels)(*inputs, 4)

    with torch.autocast("cpu", torch.bfloat16):
        found = torch.autograd.grad(y.sum(), inputs, retain_graph=True)

    wanted = torch.autograd.grad(y.sum(), inputs)
    assert all(a.equal(b) for a, b in zip(found, wanted, strict=True))


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64], ids=str)
def test_the_default_type_does_not_matter(dtype):
    inputs = [agreement.map_of(2, 8, 16, 24), *weights(8), 4]
    path = agreement.path_of(ops.modulate_by_levels)
    upward = agreement.expanded
    wanted = agreement.outputs_and_gradients(path, inputs, upward=upward)
    torch.set_default_dtype(dtype)
    try:
        found = agreement.outputs_and_gradients(path, inputs, upward=upward)
    finally:
        torch.set_default_dtype(torch.float32)

    assert all(a.equal(b) for a, b in zip(found, wanted, strict=True))
