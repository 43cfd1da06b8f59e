"""Small products are the convolutions that they stand for."""

import pytest
import torch
from torch import nn

from foveate import ops

SHAPES = [(3, 8, 1, 1), (2, 8, 5, 1), (1, 8, 3, 4)]


def agree(op, x, conv):
    """Check values and gradients of the path ``eager`` against the convolution."""
    x.requires_grad_()
    learned = [x, *conv.parameters()]
    found, wanted = op(x, conv), op.reference(x, conv)
    torch.testing.assert_close(found, wanted)
    up = torch.randn(found.shape)
    gradients = torch.autograd.grad(found, learned, up)
    torch.testing.assert_close(gradients, torch.autograd.grad(wanted, learned, up))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("bias", [True, False])
def test_a_projection_is_the_convolution_of_one_place(shape, bias):
    torch.manual_seed(0)
    conv = nn.Conv2d(8, 5, 1, bias=bias)

    agree(ops.project, torch.randn(shape), conv)


@pytest.mark.parametrize("side", [1, 3, 5])
def test_a_slide_is_the_convolution_along_channels(side):
    torch.manual_seed(0)
    conv = nn.Conv1d(1, 1, side, padding=side // 2, bias=False)

    agree(ops.slide, torch.randn(3, 8), conv)


def test_a_slide_by_hand():
    conv = nn.Conv1d(1, 1, 3, padding=1, bias=False)
    with torch.no_grad():
        conv.weight.copy_(torch.tensor([[[1.0, 10.0, 100.0]]]))

    # each channel takes 10 of itself, 1 of the one before, 100 of the one after
    assert ops.slide(torch.tensor([[1.0, 2.0, 3.0]]), conv).tolist() == [
        [210.0, 321.0, 32.0]
    ]


def test_hooks_of_the_convolution_are_called():
    conv, seen = nn.Conv2d(8, 5, 1), []
    conv.register_forward_hook(lambda *_: seen.append("called"))
    x = torch.randn(2, 8, 1, 1)

    (choice,) = ops.explain(ops.project, x, conv)

    assert seen == ["called"]
    assert choice.refusals == {"eager": "the hooks of the Conv2d want to see it called"}


@pytest.mark.parametrize(
    ("op", "conv", "why"),
    [
        (ops.project, nn.Conv2d(8, 5, 3), "takes a convolution of one place, got Conv"),
        (ops.project, nn.Conv2d(8, 8, 1, groups=2), "takes a convolution of one place"),
        (ops.slide, nn.Conv1d(1, 1, 3), "takes one channel, stride 1, zeros around"),
        (ops.slide, nn.Conv1d(1, 1, 1), "takes one channel, stride 1, zeros around"),
    ],
)
def test_another_convolution_is_called_itself(op, conv, why):
    x = torch.randn(2, 8) if op is ops.slide else torch.randn(2, 8, 4, 4)

    (choice,) = ops.explain(op, x, conv)

    assert choice.path == "reference"
    assert choice.refusals["eager"].startswith(why)


def test_autocast_keeps_its_precision():
    conv, x = nn.Conv2d(8, 5, 1), torch.randn(2, 8, 1, 1)

    with torch.autocast("cpu"):
        (choice,) = ops.explain(ops.project, x, conv)
        y = ops.project(x, conv)

    assert choice.refusals["eager"] == "autocast has a precision for convolutions"
    assert y.dtype == torch.bfloat16


def test_half_precision_and_shapes_without_numbers_are_projected_too():
    half = nn.Conv2d(8, 5, 1, dtype=torch.bfloat16)
    shapes = nn.Conv2d(8, 5, 1, device="meta")

    assert ops.project(torch.ones(2, 8, 1, 1).bfloat16(), half).shape == (2, 5, 1, 1)
    assert ops.project(torch.ones(2, 8, 1, 1, device="meta"), shapes).shape[1] == 5
