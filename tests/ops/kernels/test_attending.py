"""Attention by torch's fused call gives what its reference gives."""

from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from foveate import ops
from foveate._loading import load_file
from foveate.ops.kernels import attending

agreement = load_file(Path(__file__).with_name("agreement.py"))
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def inputs(places=35, reduced=12, size=5):
    random = torch.Generator().manual_seed(places)
    shapes = [(2, 3, size, places), (2, 3, size, reduced), (2, 3, size, reduced)]
    return [torch.randn(shape, generator=random) for shape in shapes]


@pytest.mark.parametrize("most", [1, 999, 2**22], ids=str)
@pytest.mark.parametrize("places", [(35, 12, 5), (1, 1, 1), (7, 1, 2)], ids=str)
def test_outputs_and_gradients_are_those_of_the_reference(places, most, monkeypatch):
    monkeypatch.setattr(attending, "MOST_BYTES", most)

    agreement.assert_agrees(ops.attend, *inputs(*places), 0.5, path="eager", **CLOSE)


def test_an_encoding_is_added_as_in_the_reference():
    given = *inputs(), 0.5, torch.randn(1, 3, 35, 12, generator=torch.manual_seed(0))

    with torch.no_grad():
        found = ops.attend(*given)

    torch.testing.assert_close(found, ops.attend.reference(*given))


def test_large_logits_have_the_gradient_of_the_reference():
    given = [1e4 * value for value in inputs()]

    agreement.assert_agrees(
        ops.attend, *given, 0.5, path="eager", dtype=None, rtol=1e-4, atol=1e-3
    )


def test_second_gradients_are_those_of_the_reference():
    agreement.assert_agrees_twice(
        ops.attend, *inputs(), 0.5, path="eager", rtol=1e-3, atol=1e-4
    )


def test_operations_are_registered_as_torch_expects():
    given = inputs()
    seen = attending.attention(*given, 0.5)

    agreement.assert_registered(attending.attention_backward, seen, *given, 0.5)
    agreement.assert_registered(
        attending.attention, *(value.requires_grad_() for value in given), 0.5
    )


def test_a_graph_gives_the_outputs_and_gradients():
    agreement.assert_compiles(ops.attend, *inputs(), 0.5, **CLOSE)


def test_keeps_only_what_goes_in():
    given = inputs()

    kept = agreement.saved_bytes(ops.attend, *given, 0.5)

    assert kept == sum(value.nbytes for value in given)


def test_counts_the_products_of_the_reference():
    with FlopCounterMode(display=False) as counter:
        ops.attend(*inputs(), 0.5)

    assert counter.get_total_flops() == 2 * 2 * 3 * 35 * 12 * (5 + 5)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"dropped": 0.25}, "drops no weights, got a share of 0.25"),
        ({"half": True}, "takes float32 and float64, got torch.float16"),
    ],
)
def test_says_why_it_does_not_run(options, why):
    given = [value.half() if "half" in options else value for value in inputs()]

    (choice,) = ops.explain(ops.attend, *given, 0.5, None, options.get("dropped", 0.0))

    assert choice.refusals["eager"] == why
