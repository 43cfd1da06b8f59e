"""Guards of numbers."""

import pytest
import torch

from foveate import ops


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_is_widened(dtype):
    assert ops.at_least_float32(torch.ones(2, dtype=dtype)).dtype == torch.float32


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_full_precision_is_the_same_tensor(dtype):
    x = torch.ones(2, dtype=dtype)

    assert ops.at_least_float32(x) is x


@pytest.mark.parametrize(("count", "want"), [(0, 1), (1, 1), (2, 2), (48, 48)])
def test_a_count_is_at_least_one(count, want):
    assert ops.at_least_one(count) == want


def test_without_autocast_products_keep_their_precision():
    x = torch.ones(2, 3)

    with torch.autocast("cpu", torch.bfloat16):
        with ops.without_autocast(x):
            inside = x @ x.T
        outside = x @ x.T

    assert (inside.dtype, outside.dtype) == (torch.float32, torch.bfloat16)


def test_without_autocast_takes_a_tensor_without_memory():
    x = torch.ones(2, 3, device="meta")

    with torch.autocast("cpu", torch.bfloat16), ops.without_autocast(x):
        assert (x @ x.T).dtype == torch.float32
