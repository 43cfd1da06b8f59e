"""Products and weights of attention, by hand."""

import pytest
import torch

from foveate import ops

HALVES = [torch.float16, torch.bfloat16]


def test_logits_are_products_of_queries_and_keys():
    queries = torch.tensor([[1.0, 2.0], [0.0, -1.0], [3.0, 0.0]])
    keys = torch.tensor([[5.0, 0.0], [1.0, 4.0]])

    logits = ops.attention_logits(queries, keys)

    assert logits.tolist() == [[7.0, 8.0], [-1.0, -4.0], [15.0, 0.0]]


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_logits_of_half_precision_do_not_overflow(dtype):
    queries = torch.full((1, 1), 512.0, dtype=dtype)

    # 2^18, and float16 ends below 2^16
    assert ops.attention_logits(queries, queries).tolist() == [[2.0**18]]


def test_logits_keep_double_precision():
    values = torch.ones(2, 2, dtype=torch.float64)

    assert ops.attention_logits(values, values).dtype == torch.float64


def test_weights_are_a_softmax_over_the_last_axis():
    logits = torch.tensor([[1.0, 3.0], [1.0, 1.0]]).log()

    weights = ops.attention_weights(logits)

    torch.testing.assert_close(weights, torch.tensor([[0.25, 0.75], [0.5, 0.5]]))


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_weights_are_in_float32_or_better(dtype):
    logits = torch.zeros(1, 3, dtype=dtype)

    torch.testing.assert_close(
        ops.attention_weights(logits), torch.full((1, 3), 1 / 3), rtol=1e-6, atol=0
    )


def test_far_logits_give_weights_of_zero_and_one():
    logits = torch.tensor([[1e9, 0.0], [0.0, -torch.inf]])

    assert ops.attention_weights(logits).tolist() == [[1.0, 0.0], [1.0, 0.0]]
