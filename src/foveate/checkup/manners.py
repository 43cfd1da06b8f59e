"""Whether a block behaves: prints nothing, keeps nothing, changes nothing of yours."""

from __future__ import annotations

import contextlib
import copy
import io

import torch
from torch import Tensor, nn
from torch._subclasses.functional_tensor import FunctionalTensor, FunctionalTensorMode

from foveate.checkup._blame import BlockError, blaming
from foveate.checkup._check import Check, Fault, NotExaminedError, check
from foveate.checkup._numbers import is_finite, listed, must_agree, unfinished
from foveate.checkup._patient import Patient
from foveate.checkup._watching import Memory, new_layers

__all__ = ["CHECKS"]

LONGEST = 60


@check(
    title="Prints nothing",
    protects="A forgotten print in forward writes a line for every batch, and breaks "
    "the graph of torch.compile.",
    cure="Remove the print; an error is raised, a note goes to logging.",
)
def prints_nothing(patient: Patient) -> None:
    """Listen while it is built and called."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        patient.answer(patient.block(), patient.maps())
    if said.getvalue():
        lines = said.getvalue().splitlines()
        raise Fault(
            "It prints when it is built or called.",
            f"{len(lines)} lines, the last: {lines[-1][:LONGEST]!r}",
        )


@check(
    title="Leaves its input as it was",
    protects="The input of a block is often used again, by a skip connection. Public "
    "blocks use nn.ReLU(inplace=True) or x *= gate on it.",
    cure="Write y = x * gate instead of x *= gate, and inplace=False in the first "
    "layer.",
)
def leaves_input_alone(patient: Patient) -> None:
    """Compare the input before and after, in evaluation and in training."""
    for training in (False, True):
        maps = patient.maps(patient.batch)
        before = [x.clone() for x in maps]
        with torch.no_grad():
            patient.call(patient.block(training=training), maps)
        for place, (x, was) in enumerate(zip(maps, before, strict=True), 1):
            changed = int((x != was).sum())
            if changed:
                raise Fault(
                    "It writes into its input.",
                    f"{changed} of {x.numel()} values of input {place} have changed",
                )


@check(
    title="Makes no layer in forward",
    protects="A layer that is made in forward has new random weights, is not on the "
    "device of the block, is unknown to the optimizer and missing from saved files.",
    cure="Make every layer in __init__, where channels are known.",
)
def no_layers_made_in_forward(patient: Patient) -> None:
    """Watch for new modules with weights, and for new names in the block."""
    block = patient.fresh().eval()
    before = _names_of(block)
    with new_layers() as made:
        patient.answer(block, patient.maps(dtype=torch.float32))
    own = [m for m in made if [*m.parameters(recurse=False), *m.buffers(recurse=False)]]
    new = sorted(_names_of(block) - before)
    if own or new:
        kinds = sorted({type(module).__name__ for module in own})
        raise Fault(
            "It makes layers in forward.",
            f"new layers: {', '.join(kinds) or 'none'}; "
            f"new names: {', '.join(new) or 'none'}",
        )


@check(
    title="Keeps nothing of an input",
    protects="A map that is kept on the block holds memory, mixes up threads, and "
    "makes copy.deepcopy fail, as used for averaged weights.",
    cure="Return what callers need, or compute it in a method of its own; use locals "
    "in forward.",
    rests_on=("no_layers_made_in_forward",),
)
def no_state_in_forward(patient: Patient) -> None:
    """Compare what the block holds before and after."""
    for training in (False, True):
        block = patient.block(training=training)
        state = {key: value.clone() for key, value in block.state_dict().items()}
        before = Memory(block)
        answer, _ = patient.trace(block, patient.maps(patient.batch))
        changed = before.changes_to(Memory(block))
        if changed:
            raise Fault(
                "Its forward leaves something on the block.",
                f"changed: {listed(changed)}",
                *_cannot_be_copied(block),
            )
        del answer
        if not training:
            _must_hold(block, state)


@check(
    title="Uses no memory that was never set",
    protects="torch.empty holds whatever was there before: often 0 in the author's "
    "test, now and then NaN in a long training.",
    cure="Use torch.zeros instead of torch.empty, or set every value.",
)
def uses_no_unset_memory(patient: Patient) -> None:
    """Let PyTorch fill new memory with NaN, and look for it in the answer."""
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    y = patient.answer(patient.block(), patient.maps())
    if not is_finite(y):
        raise Fault("Its answer comes from memory that was never set.", unfinished(y))


@check(
    title="Gives the same answer twice",
    protects="In evaluation, an answer that is drawn by chance cannot be tested or "
    "deployed. Usual: functional.dropout(x) without training=self.training.",
    cure="Use nn.Dropout, or pass training=self.training; draw nothing in evaluation.",
    rests_on=(
        "no_layers_made_in_forward",
        "no_state_in_forward",
        "uses_no_unset_memory",
    ),
)
def repeatable(patient: Patient) -> None:
    """Ask one block the same twice, in evaluation."""
    block, maps = patient.block(), patient.maps()
    first, second = patient.answer(block, maps), patient.answer(block, maps)
    if not first.equal(second):
        must_agree(second, first, 0.0, "It answers the same input differently.")


@check(
    title="Writes into no overlapping memory",
    protects="x[:, :, 1:] = x[:, :, :-1] reads values that it has just overwritten, in "
    "an order that depends on type, size and threads. Compiled and exported, it means "
    "something else.",
    cure="Build a new tensor: torch.cat([x[:, :, :1], x[:, :, :-1]], dim=2), or read "
    "from x.clone().",
    rests_on=("repeatable",),
)
def functionalizes(patient: Patient) -> None:
    """Compare with the same operations carried out without in-place writes."""
    block, maps = patient.block(), patient.maps()
    must_agree(
        patient.answer(block, maps),
        _functionalized(patient, block, maps),
        patient.tolerance,
        "Its answer depends on the order in which memory is written.",
        "as it is written, against the same without in-place writes:",
    )


def _functionalized(patient: Patient, block: nn.Module, maps: list[Tensor]) -> Tensor:
    try:
        with torch.no_grad(), FunctionalTensorMode(), blaming():
            inner = [FunctionalTensor.to_functional(x.clone()) for x in maps]
            answer = block(*patient.arguments(inner))
            return FunctionalTensor.from_functional(answer)
    except BlockError as problem:
        # what this cannot follow, such as numpy, is no fault by itself
        raise NotExaminedError(
            f"PyTorch cannot carry it out without in-place writes: {problem.says}."
        ) from None


def _names_of(block: nn.Module) -> set[str]:
    modules = [name for name, _ in block.named_modules()]
    return {*modules, *dict(block.named_parameters()), *dict(block.named_buffers())}


def _cannot_be_copied(block: nn.Module) -> tuple[str, ...]:
    try:
        copy.deepcopy(block)
    except Exception as problem:  # noqa: BLE001
        said = " ".join(str(problem).split())[:120]
        return (f"copy.deepcopy then fails: {type(problem).__name__}: {said}",)
    return ()


def _must_hold(block: nn.Module, state: dict[str, Tensor]) -> None:
    changed = [k for k, v in block.state_dict().items() if not v.equal(state[k])]
    if changed:
        raise Fault(
            "Its forward changes its own state in evaluation.",
            f"changed: {listed(changed)}",
        )


CHECKS: tuple[Check, ...] = (
    prints_nothing,
    leaves_input_alone,
    no_layers_made_in_forward,
    no_state_in_forward,
    uses_no_unset_memory,
    repeatable,
    functionalizes,
)
