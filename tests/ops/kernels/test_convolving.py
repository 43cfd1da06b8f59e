"""The kernel of small convolutions agrees with torch's."""

from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

from foveate import ops
from foveate._loading import load_file
from foveate.ops.convolving import _reference
from foveate.ops.kernels import convolving as kernels
from foveate.ops.kernels import native

agreement = load_file(Path(__file__).with_name("agreement.py"))

pytestmark = pytest.mark.skipif(native.why_not() is not None, reason="no compiler")

# wider than a step of 64 values, just as wide, and narrower than the taps
SHAPES = [(2, 2, 5, 7), (1, 2, 1, 1), (3, 2, 70, 65), (1, 2, 3, 64), (2, 3, 9, 2)]


def inputs(shape, side, *, bias):
    torch.manual_seed(1)
    weight = torch.randn(1, shape[1], side, side)
    return torch.randn(shape), weight, torch.randn(1) if bias else None


def both(shape, side, bias, upward):
    given = inputs(shape, side, bias=bias)
    found = agreement.outputs_and_gradients(
        kernels.convolve_to_one, given, upward=upward
    )
    wanted = agreement.outputs_and_gradients(
        _reference, given, upward=upward, dtype=torch.float64
    )
    return found, wanted


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("side", [1, 3, 7])
@pytest.mark.parametrize("bias", [True, False])
def test_outputs_and_gradients_are_those_of_the_reference(shape, side, bias):
    for upward in (agreement.normals_like, agreement.expanded, agreement.transposed):
        found, wanted = both(shape, side, bias, upward)

        agreement.assert_all_close(found, wanted, rtol=1e-4, atol=1e-4)


def test_a_tap_reads_the_place_that_it_should():
    x = torch.zeros(1, 1, 4, 5)
    x[0, 0, 1, 2] = 1
    weight = torch.arange(9.0).reshape(1, 1, 3, 3)

    y = kernels.convolve_to_one(x, weight, None)

    # the one place is seen through the last tap from the place above and to the left
    assert y[0, 0, :3, 1:4].tolist() == [[8, 7, 6], [5, 4, 3], [2, 1, 0]]
    assert y.sum() == 36


def test_a_slice_of_a_map_is_taken_where_it_lies():
    torch.manual_seed(2)
    x, weight = torch.randn(3, 5, 6, 7), torch.randn(1, 2, 3, 3)

    y = kernels.convolve_to_one(x[:, 2:4], weight, None)

    agreement.assert_all_close([y], [_reference(x[:, 2:4], weight, None)])


def test_the_bits_depend_neither_on_threads_nor_on_the_other_images():
    x, weight, bias = inputs((4, 2, 33, 21), 7, bias=True)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        both_threads = kernels.convolve_to_one(x, weight, bias)
        torch.set_num_threads(1)
        one_thread = kernels.convolve_to_one(x, weight, bias)
    finally:
        torch.set_num_threads(before)

    assert both_threads.equal(one_thread)
    assert kernels.convolve_to_one(x[2:3], weight, bias).equal(one_thread[2:3])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_spreads_as_far_as_in_the_reference(value):
    x, weight, bias = inputs((1, 2, 9, 70), 3, bias=True)
    x[0, 1, 4, 66] = value

    y = kernels.convolve_to_one(x, weight, bias)

    assert y.isfinite().equal(_reference(x, weight, bias).isfinite())


def test_memory_full_of_nan_leaves_no_trace(monkeypatch):
    given = inputs((2, 2, 5, 7), 3, bias=True)
    new = torch.Tensor.new_empty

    def filled(self, *size, **settings):
        return new(self, *size, **settings).fill_(float("nan"))

    wanted = agreement.outputs_and_gradients(kernels.convolve_to_one, given)
    monkeypatch.setattr(torch.Tensor, "new_empty", filled)
    found = agreement.outputs_and_gradients(kernels.convolve_to_one, given)

    assert all(one.equal(other) for one, other in zip(found, wanted, strict=True))


@pytest.mark.parametrize("bias", [True, False])
def test_torch_finds_nothing_wrong_with_the_operation(bias):
    x, weight, offset = inputs((2, 2, 5, 7), 3, bias=bias)
    learned = [
        value if value is None else value.requires_grad_()
        for value in (x, weight, offset)
    ]

    torch.library.opcheck(torch.ops.foveate.convolve_to_one.default, learned)


def test_the_gradient_can_be_differentiated_again():
    x, weight, bias = inputs((1, 2, 4, 5), 3, bias=True)

    def twice(function):
        given = x.clone().requires_grad_()
        y = function(given, weight, bias).square().sum()
        (first,) = torch.autograd.grad(y, given, create_graph=True)
        return torch.autograd.grad(first.square().sum(), given)

    agreement.assert_all_close(
        twice(kernels.convolve_to_one), twice(_reference), rtol=1e-4, atol=1e-3
    )


def test_a_compiled_graph_holds_it():
    conv = nn.Conv2d(2, 1, 7, padding=3)
    compiled = torch.compile(
        partial(ops.convolve_to_one, conv=conv), backend="aot_eager", fullgraph=True
    )
    x = torch.randn(2, 2, 6, 5)

    agreement.assert_all_close([compiled(x)], [conv(x)], rtol=1e-4, atol=1e-5)


def plain(**options):
    return nn.Conv2d(2, 1, **({"kernel_size": 3, "padding": 1} | options))


class Other(nn.Conv2d):
    """A convolution that may do something else."""


def hooked():
    conv = plain()
    conv.register_forward_hook(lambda *_: None)
    return conv


@pytest.mark.parametrize(
    ("conv", "why"),
    [
        (hooked(), "the hooks of the Conv2d want to see it called"),
        (Other(2, 1, 3, padding=1), "takes the place of an nn.Conv2d, got Other"),
        (plain(stride=2), "takes stride=(1, 1), got (2, 2)"),
        (plain(padding=0), "takes padding=(1, 1), got (0, 0)"),
        (nn.Conv2d(2, 3, 1), "takes out_channels=1, got 3"),
        (plain(padding_mode="reflect"), "takes padding_mode=zeros, got reflect"),
    ],
    ids=["hooks", "class", "stride", "padding", "outputs", "mode"],
)
def test_a_convolution_that_is_not_plain_is_called(conv, why):
    x = torch.randn(1, 2, 6, 5)

    (choice,) = ops.explain(ops.convolve_to_one, x, conv)

    assert choice.path == "reference"
    assert choice.refusals["native"] == why
    assert ops.convolve_to_one(x, conv).equal(conv(x))


def test_autocast_convolves_in_half_precision():
    x, conv = torch.randn(1, 2, 6, 5), plain()

    with torch.autocast("cpu"):
        (choice,) = ops.explain(ops.convolve_to_one, x, conv)
        y = ops.convolve_to_one(x, conv)

    assert choice.refusals["native"] == "autocast convolves in half precision"
    assert y.dtype == torch.bfloat16


def test_a_map_without_memory_is_refused_and_not_asked_for_its_autocast():
    conv = nn.Conv2d(2, 1, 3, padding=1, device="meta")

    y = ops.convolve_to_one(torch.empty(1, 2, 5, 7, device="meta"), conv)

    assert y.shape == (1, 1, 5, 7)
