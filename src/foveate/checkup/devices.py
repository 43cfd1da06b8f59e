"""Whether a block runs elsewhere: devices, threads, autocast, strict algorithms."""

from __future__ import annotations

import re

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from foveate.checkup._blame import BlockError, blaming
from foveate.checkup._check import Check, Fault, NotExaminedError, check
from foveate.checkup._numbers import difference, is_finite, must_agree, unfinished
from foveate.checkup._patient import Patient

__all__ = ["CHECKS"]

LARGE = (40, 40)
MANY_THREADS = 4
PRETENDED = "meta"
"""A device that every build of PyTorch knows, also one without GPUs."""

GPU_TOLERANCE = 1e-2
"""Convolutions in float32 may round to ten bits there."""

ROUGH = 0.05
ROUNDINGS = 30
OTHER_DEVICE = re.compile(
    r"same device|different devices|is not on the expected device"
)


@check(
    title="Runs on the device of its input",
    protects="A mask made in forward without a device lies on the CPU: the block works "
    "in the author's test, and fails on a GPU.",
    cure="Make tensors where the input is: torch.ones(..., device=x.device, "
    "dtype=x.dtype), x.new_zeros(...), or register_buffer.",
    rests_on=(
        "every_layer_is_registered",
        "every_tensor_is_registered",
        "no_layers_made_in_forward",
    ),
)
def runs_on_any_device(patient: Patient) -> tuple[str, ...]:
    """Carry it out on a pretended device, without numbers; on a GPU if there is one."""
    try:
        device = _pretend(patient, patient.block()).device
    except BlockError as problem:
        if not OTHER_DEVICE.search(str(problem.problem)):
            # such as .item(), which needs the numbers that are not there
            raise NotExaminedError(
                f"It cannot be carried out without numbers: {problem.says}."
            ) from None
        raise Fault("It mixes devices in forward.", problem.seen) from None
    if device.type != PRETENDED:
        raise Fault("Its answer is on another device.", f"{PRETENDED} in, {device} out")
    gpu = _gpu()
    if gpu is None:
        return ("On a pretended device, without numbers.",)
    block, maps = patient.block(), patient.maps()
    want = patient.answer(block, maps)
    there = [x.to(gpu) for x in maps]
    with blaming():
        block.to(gpu)
    found = patient.answer(block, there).cpu()
    must_agree(found, want, GPU_TOLERANCE, "It answers otherwise on the GPU.")
    return ("On a GPU, with numbers.",)


@check(
    title="Answers the same with one thread and with many",
    protects="Threads that read what others write give other numbers on every machine.",
    cure="Write into no memory that is read in the same operation, and let no number "
    "depend on torch.get_num_threads().",
    rests_on=("repeatable", "functionalizes", "any_size"),
)
def same_with_any_threads(patient: Patient) -> None:
    """Compare one thread with four on a large map."""
    block, maps = patient.block(), patient.maps(2, LARGE)
    torch.set_num_threads(1)
    want = patient.answer(block, maps)
    torch.set_num_threads(MANY_THREADS)
    found = patient.answer(block, maps)
    must_agree(
        found,
        want,
        patient.tolerance,
        "Its numbers depend on the number of threads.",
        f"{MANY_THREADS} threads against one:",
    )


@check(
    title="Runs under autocast",
    protects="Under mixed precision, convolutions answer in bfloat16. Writing that "
    "into a float32 tensor by index_add_, index_copy_ or scatter_ raises an error.",
    cure="Convert before writing: y.index_add_(0, index, value.to(y.dtype)).",
    rests_on=("repeatable", "functionalizes"),
)
def runs_under_autocast(patient: Patient) -> tuple[str, ...]:
    """Compare with float32, allowing for what rounding to bfloat16 does."""
    block = patient.block(torch.float32)
    maps = patient.maps(dtype=torch.float32)
    want = patient.answer(block, maps)
    try:
        with torch.autocast("cpu", torch.bfloat16):
            found = patient.answer(block, maps)
    except BlockError as problem:
        raise Fault("It breaks off under autocast.", problem.seen) from None
    rounded = [x.to(torch.bfloat16).to(x.dtype) for x in maps]
    room = max(ROUGH, ROUNDINGS * difference(patient.answer(block, rounded), want))
    if not is_finite(found) or difference(found, want) > room:
        raise Fault(
            "Its numbers are wrong under autocast.",
            f"off by {difference(found, want):.2g} of the largest value, {room:.2g} "
            "allowed",
            unfinished(found),
        )
    return (f"Answers in {found.dtype}.",)


@check(
    title="Runs with deterministic algorithms",
    protects="torch.use_deterministic_algorithms(True) makes a training repeatable, "
    "and refuses operations that are not, such as max_unpool2d or put_.",
    cure="Use an operation that is: amax for adaptive_max_pool2d(1), index_put_ or "
    "scatter for put_.",
    rests_on=("passes_gradients",),
)
def deterministic_algorithms(patient: Patient) -> None:
    """Run it forward and backward under that setting."""
    torch.use_deterministic_algorithms(mode=True)
    block = patient.block(training=True)
    try:
        y, leaves = patient.trace(block, patient.maps(patient.batch))
        with blaming():
            torch.autograd.grad(y.sum(), leaves, allow_unused=True)
    except BlockError as problem:
        raise Fault("It has no deterministic form.", problem.seen) from None


def _gpu() -> str | None:
    return "cuda" if torch.cuda.is_available() else None


def _pretend(patient: Patient, block: nn.Module) -> Tensor:
    """Return the answer of ``block`` as if block and input were on another device."""
    maps = patient.maps()
    with torch.no_grad(), FakeTensorMode(allow_non_fake_inputs=True), blaming():
        # not block.to(device), which would replace what is not registered, too
        state = {
            name: _like(value)
            for name, value in [*block.named_parameters(), *block.named_buffers()]
        }
        arguments = patient.arguments([_like(x) for x in maps])
        answer: Tensor = torch.func.functional_call(block, state, arguments)
        return answer


def _like(x: Tensor) -> Tensor:
    return torch.empty_strided(x.shape, x.stride(), dtype=x.dtype, device=PRETENDED)


CHECKS: tuple[Check, ...] = (
    runs_on_any_device,
    same_with_any_threads,
    runs_under_autocast,
    deterministic_algorithms,
)
