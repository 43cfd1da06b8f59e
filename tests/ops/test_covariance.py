"""Covariance and its square root, by hand and by scalar recursion."""

import pytest
import torch

from foveate import ops

DOUBLE = torch.float64


def by_definition(x):
    """Return the covariance through the centring matrix of all places."""
    batch, channels, height, width = x.shape
    places = height * width
    centring = torch.eye(places, dtype=x.dtype) - 1 / places
    flat = x.reshape(batch, channels, places)
    return flat @ (centring / places) @ flat.transpose(1, 2)


def root_of_one(value, trace, num_iters):
    """Return what the steps make of one eigenvalue, by the scalar recursion."""
    root, inverse = value / trace, 1.0
    for _ in range(num_iters):
        step = (3 - inverse * root) / 2
        root, inverse = root * step, step * inverse
    return trace**0.5 * root


def test_covariance_is_that_of_the_definition():
    torch.manual_seed(0)
    x = torch.randn(2, 4, 3, 5, dtype=DOUBLE)

    torch.testing.assert_close(ops.covariance(x, max_side=9), by_definition(x))


def test_covariance_keeps_its_digits_where_the_mean_is_large():
    torch.manual_seed(0)
    x = torch.randn(1, 4, 8, 8, dtype=DOUBLE)

    found = ops.covariance((x + 1000).float(), max_side=9)

    torch.testing.assert_close(found.double(), by_definition(x), rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    ("size", "rows", "columns"),
    [
        ((4, 4), slice(0, 4), slice(0, 4)),
        ((4, 9), slice(0, 4), slice(2, 6)),
        ((4, 2), slice(0, 4), slice(0, 2)),
        ((7, 5), slice(1, 5), slice(0, 4)),
        ((1, 6), slice(0, 1), slice(1, 5)),
    ],
)
def test_each_side_is_cropped_about_its_own_middle(size, rows, columns):
    torch.manual_seed(0)
    x = torch.randn(2, 3, *size, dtype=DOUBLE)

    found = ops.covariance(x, max_side=4)

    torch.testing.assert_close(found, by_definition(x[:, :, rows, columns]))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_covariance_of_half_precision_is_summed_in_float32(dtype):
    torch.manual_seed(0)
    x = (300 * torch.randn(1, 3, 56, 56)).to(dtype)

    found = ops.covariance(x, max_side=99)

    assert found.dtype == torch.float32
    torch.testing.assert_close(
        found.double(), by_definition(x.double()), rtol=1e-4, atol=1
    )


def test_autocast_does_not_round_the_products():
    torch.manual_seed(0)
    x = torch.randn(2, 4, 5, 7)
    want = ops.square_root(ops.covariance(x, max_side=9), num_iters=5)

    with torch.autocast("cpu", torch.bfloat16):
        found = ops.square_root(ops.covariance(x, max_side=9), num_iters=5)

    assert found.equal(want)


def test_one_step_is_the_closed_form():
    torch.manual_seed(0)
    matrix = by_definition(torch.randn(2, 4, 3, 5, dtype=DOUBLE))

    root = ops.square_root(matrix, num_iters=1)

    # sqrt(t) * A (3 I - A) / 2 with A = matrix / t
    trace = torch.stack([m.trace() for m in matrix])[:, None, None]
    scaled = matrix / trace
    want = trace.sqrt() * scaled @ (3 * torch.eye(4, dtype=DOUBLE) - scaled) / 2
    torch.testing.assert_close(root, want)


@pytest.mark.parametrize("num_iters", [1, 2, 3, 5, 8])
def test_a_diagonal_matrix_follows_the_scalar_recursion(num_iters):
    values = [4.0, 1.0, 0.25, 0.0]

    root = ops.square_root(
        torch.diag(torch.tensor(values, dtype=DOUBLE))[None], num_iters=num_iters
    )

    want = [root_of_one(value, sum(values), num_iters) for value in values]
    want = torch.diag(torch.tensor(want, dtype=DOUBLE))
    torch.testing.assert_close(root[0], want, rtol=1e-12, atol=1e-15)


def test_many_steps_give_the_root():
    torch.manual_seed(0)
    matrix = by_definition(torch.randn(2, 4, 5, 7, dtype=DOUBLE))

    root = ops.square_root(matrix, num_iters=25)

    torch.testing.assert_close(root @ root, matrix)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_the_root_of_zeros_is_zeros_with_a_finite_gradient(dtype):
    matrix = torch.zeros(2, 3, 3, dtype=dtype, requires_grad=True)

    root = ops.square_root(matrix, num_iters=5)
    root.sum().backward()

    assert root.eq(0).all()
    assert matrix.grad.isfinite().all()


def test_the_root_has_the_gradient_of_its_steps():
    torch.manual_seed(0)
    x = torch.randn(1, 3, 2, 3, dtype=DOUBLE, requires_grad=True)

    def root(x):
        return ops.square_root(ops.covariance(x, max_side=9), num_iters=5)

    assert torch.autograd.gradcheck(root, x)
