"""Pooling by covariance gives what the root of the covariance gives."""

from pathlib import Path

import pytest
import torch

from foveate import ops
from foveate._loading import load_file
from foveate.ops.kernels import second_order

agreement = load_file(Path(__file__).with_name("agreement.py"))


@pytest.mark.parametrize("sliced", [False, True], ids=["whole", "sliced"])
@pytest.mark.parametrize("shape", agreement.SHAPES, ids=str)
def test_outputs_and_gradients_are_those_of_the_reference(shape, sliced):
    x = agreement.map_of(*shape, sliced=sliced).double()

    agreement.assert_agrees(ops.pool_by_covariance, x, 1000, 5, path="eager")


@pytest.mark.parametrize("num_iters", [1, 2, 3, 4, 5, 6, 9])
def test_any_number_of_steps_agrees(num_iters):
    x = agreement.map_of(2, 7, 5, 9).double()

    agreement.assert_agrees(
        ops.pool_by_covariance, x, 4, num_iters, path="eager", rtol=1e-9, atol=1e-12
    )


def test_float32_is_nearer_to_the_numbers_in_double_precision_than_1e_5():
    x = 3 + agreement.map_of(2, 32, 9, 11)

    agreement.assert_agrees(ops.pool_by_covariance, x, 1000, 5, path="eager")


def test_every_value_is_written():
    with agreement.filled_with_nan():
        agreement.assert_agrees(
            ops.pool_by_covariance, agreement.map_of(3, 5, 7, 11), 6, 5, path="eager"
        )


def test_a_constant_map_has_a_gradient_of_0():
    x = torch.ones(2, 4, 3, 5, requires_grad=True)

    ops.pool_by_covariance(x, 1000, 5).sum().backward()

    assert x.grad.eq(0).all()


def test_second_gradients_are_those_of_the_reference():
    x = agreement.map_of(2, 3, 5, 7).double()

    agreement.assert_agrees_twice(ops.pool_by_covariance, x, 9, 3, path="eager")


def test_operations_are_registered_as_torch_expects():
    x = agreement.map_of(2, 3, 5, 7)

    agreement.assert_registered(
        second_order.pool_by_covariance, x.clone().requires_grad_(), 9, 5
    )
    agreement.assert_registered(
        second_order.pool_by_covariance_backward, x[:, :, 0, 0], x, 9, 5
    )


def test_a_graph_gives_the_outputs_and_gradients():
    x = agreement.map_of(2, 3, 5, 7)

    agreement.assert_compiles(ops.pool_by_covariance, x, 9, 5, atol=1e-5)


def test_keeps_only_the_map():
    x = agreement.map_of(2, 8, 9, 7)

    assert agreement.saved_bytes(ops.pool_by_covariance, x, 9, 5) == x.nbytes
