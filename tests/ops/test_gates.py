"""Scaling by a gate, by hand."""

import pytest
import torch

from foveate import ops

HALVES = [torch.float16, torch.bfloat16]


def test_scale_multiplies_channels_by_their_gates():
    x = torch.ones(1, 2, 1, 3)
    gate = torch.tensor([0.5, 2.0]).reshape(1, 2, 1, 1)

    y = ops.scale(x, gate)

    assert y.flatten().tolist() == [0.5, 0.5, 0.5, 2.0, 2.0, 2.0]


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_scale_keeps_the_type_of_the_map(dtype):
    x = torch.ones(1, 2, 1, 3, dtype=dtype)

    assert ops.scale(x, torch.ones(1, 2, 1, 1)).dtype == dtype


def test_scale_keeps_channels_last():
    last = torch.channels_last
    x = torch.randn(2, 4, 3, 5).contiguous(memory_format=last)

    y = ops.scale(x, torch.rand(2, 4, 1, 1))

    assert y.is_contiguous(memory_format=last)


def test_sigmoid_scale_matches_the_formula():
    x = torch.tensor([2.0, 4.0]).reshape(1, 1, 1, 2)
    # sigmoid(0) = 1/2 and sigmoid(ln 3) = 3/4
    logits = torch.tensor([1.0, 3.0]).log().reshape(1, 1, 1, 2)

    y = ops.sigmoid_scale(x, logits)

    torch.testing.assert_close(y.flatten(), torch.tensor([1.0, 3.0]))


@pytest.mark.parametrize(("logit", "gate"), [(1e4, 1.0), (-1e4, 0.0)])
def test_sigmoid_scale_of_far_logits_is_exact(logit, gate):
    x = torch.randn(1, 2, 3, 5)

    assert ops.sigmoid_scale(x, torch.full((1, 2, 1, 1), logit)).equal(gate * x)


def test_sigmoid_scale_has_the_gradient_of_its_formula():
    torch.manual_seed(0)
    x = torch.randn(1, 2, 2, 3, dtype=torch.float64, requires_grad=True)
    logits = torch.randn(1, 2, 1, 1, dtype=torch.float64, requires_grad=True)

    assert torch.autograd.gradcheck(ops.sigmoid_scale, (x, logits))


def test_a_weighted_sum_matches_the_formula():
    maps = [torch.full((1, 2, 1, 2), value) for value in (1.0, 10.0)]
    weights = torch.tensor([[[0.5, 2.0], [3.0, 0.0]]]).reshape(1, 2, 2, 1, 1)

    y = ops.weighted_sum(maps, weights)

    # 0.5 * 1 + 3 * 10, and 2 * 1 + 0 * 10
    assert y[0, :, 0, 1].tolist() == [30.5, 2.0]


def test_a_weighted_sum_keeps_the_type_of_the_maps():
    maps = [torch.ones(1, 2, 3, 5, dtype=torch.bfloat16)] * 3

    assert ops.weighted_sum(maps, torch.ones(1, 3, 2, 1, 1)).dtype == torch.bfloat16


def test_a_weighted_sum_refuses_more_weights_than_maps():
    with pytest.raises(ValueError, match="longer"):
        ops.weighted_sum([torch.ones(1, 2, 3, 5)], torch.ones(1, 2, 2, 1, 1))
