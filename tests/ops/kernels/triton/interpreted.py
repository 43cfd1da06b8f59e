"""Kernels in Triton's interpreter, on a CPU: outputs and gradients of the references.

``test_triton.py`` runs this file, in a process whose environment asks for the
interpreter before Triton is imported.
"""

from pathlib import Path

import pytest
import torch

from foveate._loading import load_file
from foveate.ops.kernels.triton import _common, _moments, pooling, scaling, simam

cases = load_file(Path(__file__).with_name("cases.py"))

TYPES = [torch.float32, torch.float16, torch.bfloat16]

# NumPy warns where a GPU gives an infinity: exp of a large number, inf - inf
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

each_case = pytest.mark.parametrize("case", cases.CASES, ids=lambda case: case.name)


@pytest.fixture(autouse=True)
def _full_of_nan():
    """Fill new memory with NaN: what a kernel does not write shows."""
    torch.use_deterministic_algorithms(mode=True)
    assert torch.ones(1).new_empty(9).isnan().all()
    yield
    torch.use_deterministic_algorithms(mode=False)


def normals_like(outputs):
    random = torch.Generator().manual_seed(5)
    return [torch.randn(y.shape, generator=random).to(y.dtype) for y in outputs]


def expanded(outputs):
    """Return the gradient of a sum, which is one number in memory."""
    return [torch.ones((), dtype=y.dtype).expand(y.shape) for y in outputs]


def from_reference(case, inputs, upward):
    """Return outputs and gradients in float32, of the same numbers."""
    leaves = [value.float().requires_grad_() for value in inputs]
    outputs = case.reference(*leaves)
    outputs = [outputs] if isinstance(outputs, torch.Tensor) else list(outputs)
    gradients = torch.autograd.grad(outputs, leaves, [dy.float() for dy in upward])
    return [y.detach() for y in outputs], gradients


def from_kernels(case, inputs, upward=normals_like):
    found = case.forward(*inputs)
    count = 2 if case.reference in TWO else 1
    given = upward(found[:count])
    return found[:count], case.backward(given, inputs, found), given


TWO = {
    case.reference
    for case in cases.CASES
    if case.name in {"mean and maximum over places", "means of rows and columns"}
    or case.name == "moments"
}


def assert_close(found, wanted, dtype):
    """Check that each is a rounding away from what is wanted."""
    rounding = torch.finfo(dtype).eps
    for one, other in zip(found, wanted, strict=True):
        largest = other.abs().max().item()
        torch.testing.assert_close(
            *(one.float(), other),
            rtol=max(rounding, 1e-5),
            atol=2e-6 * max(largest, 1),
        )


def assert_agrees(case, shape, dtype, upward=normals_like):
    inputs = case.inputs(cases.maps(shape, dtype))
    outputs, gradients, given = from_kernels(case, inputs, upward)
    wanted, wanted_gradients = from_reference(case, inputs, given)
    assert_close(outputs, wanted, dtype)
    assert_close(gradients, wanted_gradients, dtype)
    assert [g.dtype for g in gradients] == [value.dtype for value in inputs]
    assert [g.shape for g in gradients] == [value.shape for value in inputs]


@pytest.mark.parametrize("shape", cases.SHAPES)
@each_case
def test_agrees_with_the_reference_at_any_shape(case, shape):
    assert_agrees(case, shape, torch.float32)


@pytest.mark.parametrize("dtype", TYPES)
@each_case
def test_agrees_with_the_reference_at_sizes_that_no_tile_holds(case, dtype):
    assert_agrees(case, case.large, dtype)


@pytest.mark.parametrize("dtype", TYPES)
@each_case
def test_agrees_with_the_reference_for_the_gradient_of_a_sum(case, dtype):
    assert_agrees(case, (2, 6, 5, 7), dtype, expanded)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("is_large", [False, True])
@each_case
def test_what_is_not_finite_comes_through(case, is_large, value):
    x = cases.maps(case.large if is_large else (2, 6, 5, 7), torch.float32)
    x.view(-1)[x.numel() // 2 + 3] = value
    inputs = case.inputs(x)

    outputs, gradients, given = from_kernels(case, inputs)

    wanted, wanted_gradients = from_reference(case, inputs, given)
    for one, other in zip(
        (*outputs, *gradients), (*wanted, *wanted_gradients), strict=True
    ):
        torch.testing.assert_close(one, other, equal_nan=True, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("is_large", [False, True])
@each_case
def test_an_image_alone_has_the_bits_that_it_has_in_a_batch(case, is_large):
    shape = (3, *(case.large[1:] if is_large else (6, 5, 7)))
    inputs = case.inputs(cases.maps(shape, torch.float32))
    outputs, gradients, _ = from_kernels(case, inputs, expanded)

    alone = [value[1:2] if len(value) == 3 else value for value in inputs]
    outputs_alone, gradients_alone, _ = from_kernels(case, alone, expanded)

    for one, other in zip(
        (*outputs, *gradients), (*outputs_alone, *gradients_alone), strict=True
    ):
        assert len(one) == 1 or torch.equal(one[1:2], other)


@each_case
def test_a_batch_of_no_images_has_gradients_of_zero(case):
    inputs = case.inputs(cases.maps((0, 3, 5, 7), torch.float32))

    _outputs, gradients, _ = from_kernels(case, inputs)

    assert all(not gradient.any() for gradient in gradients)


@pytest.mark.parametrize("dtype", TYPES)
def test_logits_of_zero_scale_by_one_half_to_the_bit(dtype):
    x = torch.randn(2, 6, 5, 7).to(dtype)

    y = scaling.scale_full(x, torch.zeros_like(x))

    assert torch.equal(2 * y, x)


@pytest.mark.parametrize("dtype", TYPES)
def test_a_blend_by_zero_is_the_first_map_to_the_bit(dtype):
    x, y = torch.randn(2, 2, 3, 5, 7).to(dtype).unbind()

    z = scaling.blend(x, y, torch.zeros(1, 3, 1, 1, dtype=dtype))

    assert torch.equal(z, x)


@pytest.mark.parametrize("count", [2, 1500])
@pytest.mark.parametrize("inner", [1, 70])
def test_any_number_of_parts_is_added_up_and_compared(count, inner):
    parts = torch.randn(2, count, inner)
    total, most = torch.empty(2, 2, inner).unbind()

    _common.add_up(parts, total, 4.0)
    _common.take_largest(parts, most)

    torch.testing.assert_close(total, parts.sum(1) / 4, rtol=1e-5, atol=1e-4)
    assert torch.equal(most, parts.amax(1))


def test_moments_of_any_number_of_chunks_are_merged(monkeypatch):
    monkeypatch.setattr(_moments, "SMALLEST", 4)
    monkeypatch.setattr(_moments, "plane_tiles", lambda x: _common.plane_tiles(x, 64))
    x = torch.randn(1, 2, 33, 17) + 5  # 9 chunks, of which 4 are merged at a time

    mean, variance = _moments.moments_of_planes(x, divisor=560)

    torch.testing.assert_close(mean, x.mean((2, 3), keepdim=True))
    torch.testing.assert_close(variance, x.var((2, 3), keepdim=True))


def test_values_that_tie_over_a_large_plane_share_the_gradient():
    x = torch.zeros(1, 1, 129, 131)
    x[0, 0, ::64, ::65] = 1.0  # 3 rows of 3
    one, zero = torch.ones(1, 1, 1, 1), torch.zeros(1, 1, 1, 1)

    dx = pooling.mean_max_over_places_backward(zero, one, x, one)

    torch.testing.assert_close(dx, x / 9)


def test_a_maximum_rounded_to_half_precision_is_still_found():
    # 1.0009766 * 1.0009766 = 1.0019541, between two numbers of float16
    x = torch.full((1, 2, 1, 1), 1.0009765625, dtype=torch.float16)
    pooled = pooling.mean_max_over_channels(x, x)

    dx, _ = pooling.mean_max_over_channels_backward(
        torch.tensor([0.0, 1.0]).half().view(1, 2, 1, 1), x, x, pooled
    )

    # each of two takes a half of the gradient, times its gate
    torch.testing.assert_close(dx, x / 2)


def test_large_means_do_not_blur_the_variance_of_a_large_plane():
    x = torch.full((1, 1, 130, 131), 1000.0)
    x[..., ::2] = 1002.0
    want = x.double().var(correction=1).item()

    saved = simam.simam(x, 1e-4)[1]

    assert saved[0, 0, 1].item() == pytest.approx(1 / (4 * (want + 1e-4)), rel=1e-5)
