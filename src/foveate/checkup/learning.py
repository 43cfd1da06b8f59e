"""Whether a block learns: gradients that arrive everywhere, and are right."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.autograd.function import BackwardCFunction

from foveate.checkup._blame import BlockError, blaming
from foveate.checkup._check import Check, Fault, NotExaminedError, check
from foveate.checkup._numbers import listed
from foveate.checkup._patient import Patient

__all__ = ["CHECKS"]

TRIES = 10
STEPS = (1e-6, 1e-7, 1e-8)


@check(
    title="Passes gradients back to its input",
    protects="Behind .data, .detach() or numpy, the layers before the block learn "
    "nothing from it; an in-place write may stop the backward pass with an error.",
    cure="Stay with tensors that carry gradients; write y = x * gate instead of "
    "x *= gate.",
)
def passes_gradients(patient: Patient) -> None:
    """Derive a sum of the answer by each input, in evaluation and in training."""
    for training in (False, True):
        block = patient.block(training=training)
        y, leaves = patient.trace(block, patient.maps(patient.batch))
        if not y.requires_grad:
            raise Fault("Its answer carries no gradient.", "y.requires_grad is False")
        try:
            with blaming():
                found = torch.autograd.grad(_summed(y), leaves, allow_unused=True)
        except BlockError as problem:
            raise Fault("The backward pass breaks off.", problem.seen) from None
        for place, gradient in enumerate(found, 1):
            if gradient is None:
                raise Fault("No gradient reaches its input.", f"input {place}: None")


@check(
    title="Learns with every parameter",
    protects="A layer that is made and never used, or used through .data, keeps its "
    "random weights for ever, and stops distributed training with an error.",
    cure="Use the parameter itself (self.weight, not self.weight.data), or remove the "
    "layer.",
    rests_on=("passes_gradients",),
)
def every_parameter_learns(patient: Patient) -> tuple[str, ...]:
    """Look for a gradient other than 0, in either mode and for several inputs."""
    silent = {name for name, p in patient.fresh().named_parameters() if p.requires_grad}
    if not silent:
        return ("It has no parameters that learn.",)
    count = len(silent)
    for attempt in range(TRIES):
        for training in (False, True):
            block = patient.block(training=training, seed=attempt)
            # means apart from each other, so that no unit is cut to 0 by all images
            maps = [x + _offsets(x) for x in patient.maps(8, seed=attempt)]
            silent -= _learning(patient, block, maps)
            if not silent:
                return ()
    raise Fault(
        f"{len(silent)} of {count} parameters get no gradient.",
        f"none, or 0 throughout: {listed(sorted(silent))}",
    )


@check(
    title="Has the gradients of the function it computes",
    protects="A backward written by hand gives gradients of something else when it is "
    "wrong: training goes astray without an error.",
    cure="Leave the gradient to PyTorch, or correct the backward until "
    "torch.autograd.gradcheck passes. If another gradient is meant, this is no fault.",
    rests_on=("keeps_dtype", "functionalizes", "every_parameter_learns"),
)
def gradients_are_right(patient: Patient) -> tuple[str, ...]:
    """Compare with finite differences in float64 along random directions."""
    if patient.precision != torch.float64:
        raise NotExaminedError("It does not work in float64 throughout.")
    block, maps = patient.block(), patient.maps()
    y, leaves = patient.trace(block, maps)
    by_hand = _backwards_by_hand(y)
    weigh = torch.randn(y.shape, generator=_generator(0), dtype=y.dtype)

    def value() -> float:
        return float((patient.answer(block, maps) * weigh).sum())

    places = {f"input {place}": x for place, x in enumerate(maps, 1)}
    weights = {key: p for key, p in block.named_parameters() if p.requires_grad}
    with blaming():
        found = torch.autograd.grad(
            (y * weigh).sum(), [*leaves, *weights.values()], allow_unused=True
        )
    for (key, x), slope in zip({**places, **weights}.items(), found, strict=True):
        tries = list(_slopes(value, x, slope))
        # a kink may lie between the ends of a step, not of all
        if any(abs(ours - true) <= room for ours, true, room in tries):
            continue
        ours, true, _ = tries[0]
        seen = f"{key}: autograd {ours:.6g}, finite differences {true:.6g}"
        if not by_hand:
            # what .detach() cuts off is meant to count as constant
            return (f"A part of it passes no gradient; along one direction of {seen}.",)
        raise Fault(
            "A gradient is not that of its function.",
            f"along one direction of {seen}",
            f"backward by hand: {', '.join(sorted(by_hand))}",
        )
    return ()


def _backwards_by_hand(y: Tensor) -> set[str]:
    """Return the names of the autograd.Functions that ``y`` went through."""
    found: set[str] = set()
    seen, rest = set(), [y.grad_fn]
    while rest:
        node = rest.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if isinstance(node, BackwardCFunction):
            found.add(node.name().removesuffix("Backward"))
        rest += [inner for inner, _ in node.next_functions]
    return found


def _slopes(
    value: Callable[[], float], x: Tensor, gradient: Tensor | None
) -> Iterator[tuple[float, float, float]]:
    """Yield autograd's slope along a direction, the true one, and the room for error.

    Args:
        value: Work out the number that is derived.
        x: What it is derived by; it is moved, and moved back.
        gradient: What autograd says.
    """
    start = x.detach().clone()
    for attempt, step in enumerate(STEPS):
        way = torch.randn(x.shape, generator=_generator(attempt + 1), dtype=x.dtype)
        ends = []
        for sign in (1, -1):
            with torch.no_grad():
                x.copy_(start + sign * step * way)
            ends.append(value())
        with torch.no_grad():
            x.copy_(start)
        true = (ends[0] - ends[1]) / (2 * step)
        ours = 0.0 if gradient is None else (gradient * way).sum().item()
        room = 1e-4 * (abs(ours) + abs(true)) + 1e-14 / step * (1 + abs(ends[0]))
        yield ours, true, room


def _learning(patient: Patient, block: nn.Module, maps: list[Tensor]) -> set[str]:
    """Return the names of the parameters that get a gradient."""
    y, _ = patient.trace(block, maps)
    weights = {key: p for key, p in block.named_parameters() if p.requires_grad}
    with blaming():
        found = torch.autograd.grad(
            _summed(y), list(weights.values()), allow_unused=True
        )
    return {
        key
        for key, gradient in zip(weights, found, strict=True)
        if gradient is not None and bool((gradient != 0).any())
    }


def _summed(y: Tensor) -> Tensor:
    """Return a sum of ``y`` in which nothing cancels by symmetry."""
    weigh = torch.randn(y.shape, generator=_generator(0), dtype=torch.float64)
    return (y * weigh.to(y.dtype)).sum()


def _offsets(x: Tensor) -> Tensor:
    shape = (*x.shape[:2], 1, 1)
    return torch.randn(shape, generator=_generator(9), dtype=torch.float64).to(x)


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


CHECKS: tuple[Check, ...] = (
    passes_gradients,
    every_parameter_learns,
    gradients_are_right,
)
