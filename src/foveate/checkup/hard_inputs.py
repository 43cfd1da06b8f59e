"""Whether a block stays finite where inputs are constant, zero or large."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from foveate.checkup._blame import blaming
from foveate.checkup._check import Check, Fault, check
from foveate.checkup._numbers import is_finite, unfinished
from foveate.checkup._patient import Patient

__all__ = ["CHECKS"]


@check(
    title="Stays finite on constant, zero and large inputs, gradients too",
    protects="A padded image, a dead channel or a border is constant: 0 / 0, or the "
    "slope of a square root at 0, is NaN, and one NaN ends a training.",
    cure="Add a small number to every divisor and under every square root; subtract "
    "the maximum before exp.",
    rests_on=("passes_gradients",),
)
def finite_on_hard_input(patient: Patient) -> None:
    """Call it on hard inputs, in evaluation and in training, and derive."""
    for training in (False, True):
        ordinary = patient.maps(patient.batch, dtype=torch.float32)
        for name, maps in _hard_inputs(ordinary):
            block = patient.block(torch.float32, training=training)
            case = f"{name}, {'training' if training else 'evaluation'}"
            y, leaves = patient.trace(block, maps)
            if not is_finite(y):
                raise Fault("Its answer is not finite.", case, unfinished(y))
            if y.requires_grad:
                _must_derive(block, y, leaves, case)


def _hard_inputs(maps: list[Tensor]) -> Iterator[tuple[str, list[Tensor]]]:
    for value in (0.0, 1.0, -1e4, 1e4):
        yield f"all values {value:g}", [torch.full_like(x, value) for x in maps]
    yield "values of about 1e4", [1e4 * x for x in maps]


def _must_derive(block: nn.Module, y: Tensor, leaves: list[Tensor], case: str) -> None:
    named = {"the input": leaves[0], **dict(block.named_parameters())}
    wanted = {key: x for key, x in named.items() if x.requires_grad}
    with blaming():
        found = torch.autograd.grad(y.sum(), list(wanted.values()), allow_unused=True)
    for key, gradient in zip(wanted, found, strict=True):
        if gradient is not None and not is_finite(gradient):
            raise Fault(
                f"The gradient of {key} is not finite.", case, unfinished(gradient)
            )


CHECKS: tuple[Check, ...] = (finite_on_hard_input,)
