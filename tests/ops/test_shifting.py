"""Shifts by one place, by hand."""

import pytest
import torch

from foveate import ops


@pytest.mark.parametrize(
    ("step", "want"), [(1, [0, 0, 1, 2, 3, 4]), (-1, [1, 2, 3, 4, 5, 5])]
)
def test_moves_by_one_and_keeps_the_border(step, want):
    assert ops.shift(torch.arange(6), 0, step).tolist() == want


@pytest.mark.parametrize(
    ("dim", "step", "want"),
    [
        (2, 1, [[1, 2, 3], [1, 2, 3]]),
        (2, -1, [[4, 5, 6], [4, 5, 6]]),
        (3, 1, [[1, 1, 2], [4, 4, 5]]),
        (3, -1, [[2, 3, 3], [5, 6, 6]]),
    ],
)
def test_moves_along_one_axis_only(dim, step, want):
    x = torch.tensor([[[[1, 2, 3], [4, 5, 6]]]])

    assert ops.shift(x, dim, step)[0, 0].tolist() == want


@pytest.mark.parametrize("step", [1, -1])
def test_one_place_stays_where_it_is(step):
    x = torch.randn(2, 3, 1, 4)

    assert ops.shift(x, 2, step).equal(x)


@pytest.mark.parametrize("step", [1, -1])
def test_leaves_the_input_as_it_was(step):
    x = torch.arange(12.0).reshape(1, 1, 3, 4)
    before = x.clone()

    y = ops.shift(x, 2, step)

    assert x.equal(before)
    assert y.untyped_storage().data_ptr() != x.untyped_storage().data_ptr()


def test_gradients_go_back_where_the_values_came_from():
    x = torch.zeros(4, requires_grad=True)

    ops.shift(x, 0, 1).backward(torch.tensor([1.0, 10.0, 100.0, 1000.0]))

    # the first value is used twice, the last is dropped
    assert x.grad.tolist() == [11.0, 100.0, 1000.0, 0.0]
