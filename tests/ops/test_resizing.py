"""Copies of the nearest place, at the sizes that halving gives."""

import pytest
import torch
from torch.nn import functional

from foveate import ops


def bordered(x):
    return functional.pad(x, (1, 1, 1, 1), value=torch.nan)


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_copies_what_interpolation_copies(factor):
    for side in range(1, 301):
        rows = torch.arange(max(side // factor, 1), dtype=torch.float32)
        x = rows.reshape(1, 1, -1, 1)

        y = ops.resize_nearest_inside_border(bordered(x), side, 1)

        want = functional.interpolate(x, size=(side, 1), mode="nearest")
        assert y.equal(want), side


@pytest.mark.parametrize("size", [(5, 7), (1, 1), (2, 9), (16, 3)])
def test_copies_rows_and_columns_alike(size):
    x = torch.arange(6.0).reshape(1, 1, 2, 3)

    y = ops.resize_nearest_inside_border(bordered(x), *size)

    assert y.equal(functional.interpolate(x, size=size, mode="nearest"))


def test_sends_the_gradient_to_the_place_that_was_copied():
    x = torch.zeros(1, 1, 4, 3, requires_grad=True)

    ops.resize_nearest_inside_border(x, 5, 2).sum().backward()

    # of two rows within the border, the first is copied to rows 0, 1 and 2
    assert x.grad[0, 0, :, 1].tolist() == [0, 6, 4, 0]
    assert x.grad[0, 0, :, [0, 2]].eq(0).all()
