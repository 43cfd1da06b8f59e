"""Gradients that are differentiated again, where one input was made from another."""

from pathlib import Path

import pytest
import torch

from foveate import ops
from foveate._loading import load_file
from foveate.ops.kernels import native

agreement = load_file(Path(__file__).with_name("agreement.py"))

pytestmark = pytest.mark.skipif(
    native.why_not() is not None, reason=str(native.why_not())
)
OF_THE_MAP = {
    "a gate of channels": lambda scale: lambda x: scale(x, x.amax((2, 3), True).cos()),
    "a gate of places": lambda scale: lambda x: scale(x, x.sum(1, True).cos()),
    "two gates": lambda scale: (
        lambda x: scale(x, x.sum(3, True).cos(), x.sum(2, True).cos())
    ),
    "the map itself": lambda scale: lambda x: scale(x, x),
}


def first_and_second(function):
    """Return a gradient that can be differentiated, and that of its energy."""
    x = agreement.map_of(2, 4, 5, 7).requires_grad_()
    (first,) = torch.autograd.grad(function(x).square().sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.square().sum(), x)
    return first.detach(), second


@pytest.mark.parametrize("kind", OF_THE_MAP)
def test_a_gate_made_from_the_map_counts_once(kind):
    op = ops.sigmoid_scale if kind == "the map itself" else ops.scale
    of_the_map = OF_THE_MAP[kind]

    found = first_and_second(of_the_map(agreement.path_of(op)))

    wanted = first_and_second(of_the_map(op.reference))
    agreement.assert_all_close(found, wanted, rtol=1e-4, atol=1e-4)
