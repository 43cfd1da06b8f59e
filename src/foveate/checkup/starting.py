"""What a block does before it has learned anything."""

from __future__ import annotations

import torch
from torch import Tensor

from foveate.checkup._blame import blaming
from foveate.checkup._check import Check, Fault, NotExaminedError, check
from foveate.checkup._patient import Patient
from foveate.checkup._target import SIZE

__all__ = ["CHECKS"]

LARGE = (48, 40)
NEAR = 1e-3
MOST_SATURATED = 0.75
LEAST_GATED = 0.01
NEVER_MOVES = 1e-9
TRIES = 10
ALIKE = 0.9


@check(
    title="Is alive at its start",
    protects="Where the last weight starts at 0 and nothing goes around it, the "
    "network behind sees zeros and the layers before get no gradient.",
    cure="Add the input, y = x + gamma * branch, or start the last weight off 0. Of "
    "two factors that are multiplied, start only one at 0.",
    rests_on=("passes_gradients", "every_parameter_learns"),
)
def alive_at_start(patient: Patient) -> tuple[str, ...]:
    """Look at answer and gradients of a new block; measure how it changes x."""
    answers = passes = learns = False
    for attempt in range(TRIES):
        block = patient.block(training=True, as_built=True, seed=attempt)
        maps = patient.maps(patient.batch, seed=attempt)
        y, leaves = patient.trace(block, maps)
        weights = [p for p in block.parameters() if p.requires_grad]
        with blaming():
            found = torch.autograd.grad(
                y.square().sum(), [*leaves, *weights], allow_unused=True
            )
        # a narrow bottleneck may be cut to 0 by chance, but not time and again
        answers |= bool(y.any())
        passes |= any(_moves(gradient) for gradient in found[: len(maps)])
        learns |= not weights or any(_moves(g) for g in found[len(maps) :])
        if answers and passes and learns:
            return _kept(maps[0], y.detach()) if patient.inputs == 1 else ()
    if not answers:
        raise Fault("A new block answers 0 to everything.", "y is 0 throughout")
    if not passes:
        raise Fault("A new block passes no gradient on.", "0 for every input")
    raise Fault(
        "A new block cannot begin to learn.", "every parameter has a gradient of 0"
    )


@check(
    title="Starts with a gate that is neither open nor shut",
    protects="A sigmoid that starts near 0 or 1, by its bias or because it sums over "
    "places instead of taking means, has no slope to learn by.",
    cure="Take means over places; start the last bias near 0, or the last weight.",
    rests_on=("any_size",),
)
def gate_not_saturated_at_start(patient: Patient) -> tuple[str, ...]:
    """Read output over input as a gate, and count what is within 0.001 of 0 or 1.

    A ReLU, 0 and 1 alone, is no gate, nor is a norm that starts by doing nothing.
    """
    if patient.inputs > 1:
        raise NotExaminedError(
            "It takes several maps, so output over input is no gate."
        )
    seen = []
    for size in (SIZE, LARGE) if patient.size is None else (patient.size,):
        block = patient.block(as_built=True)
        (x,) = patient.maps(size=size)
        y = patient.answer(block, [x])
        gate = (y / x)[x.abs() > NEAR]
        if not _reads_as_a_gate(gate):
            raise NotExaminedError(
                "Its answer is not its input times a gate in (0, 1)."
            )
        if gate.min() > 1 - NEAR and gate.max() - gate.min() < NEVER_MOVES:
            raise NotExaminedError("Its answer is a fixed multiple of its input.")
        share = ((gate < NEAR) | (gate > 1 - NEAR)).double().mean().item()
        seen.append(
            f"{size[0]}x{size[1]}: {share:.0%} of the gate are within {NEAR} of 0 or 1"
        )
        if share > MOST_SATURATED:
            raise Fault("The gate of a new block is stuck.", *seen)
    return tuple(seen)


def _reads_as_a_gate(gate: Tensor) -> bool:
    within = ((gate >= 0) & (gate <= 1)).all()
    inside = ((gate > 0) & (gate < 1)).double().mean()
    return bool(within) and inside.item() > LEAST_GATED


def _moves(gradient: Tensor | None) -> bool:
    return gradient is not None and bool((gradient != 0).any())


def _kept(x: Tensor, y: Tensor) -> tuple[str, ...]:
    """Return in words how far the features of a new block are from its input's."""
    if x.shape != y.shape:
        return ()
    change = ((y - x).norm() / x.norm()).item()
    scale = ((x * y).sum() / (x * x).sum()).item()
    words = (
        f"A new block changes its input by {change:.0%} of its size; "
        f"nearest multiple: {scale:.2f} x."
    )
    return (words, *_shuffled(x, y))


def _shuffled(x: Tensor, y: Tensor) -> tuple[str, ...]:
    rows = [t.transpose(0, 1).flatten(1) for t in (x, y)]
    first, second = [t - t.mean(dim=1, keepdim=True) for t in rows]
    norms = first.norm(dim=1)[:, None] * second.norm(dim=1)[None]
    best = (first @ second.T / norms.clamp_min(1e-30)).max(dim=0)
    moved = (best.indices != torch.arange(len(first))) & (best.values > ALIKE)
    if moved.sum() < len(first) / 4:
        return ()
    return (f"It moves {int(moved.sum())} of {len(first)} channels to other places.",)


CHECKS: tuple[Check, ...] = (alive_at_start, gate_not_saturated_at_start)
