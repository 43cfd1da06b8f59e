"""Whether a block is built soundly: its layers, its weights, its smallest widths."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from foveate.checkup._blame import BlockError
from foveate.checkup._check import Check, Fault, NotExaminedError, check
from foveate.checkup._numbers import is_finite, listed, unfinished
from foveate.checkup._patient import Patient

__all__ = ["CHECKS"]

FEW = (16, 8, 4)
REFUSALS = (ValueError, AssertionError, NotImplementedError)
DEEPEST = 3


@check(
    title="Works with few channels, or says that it cannot",
    protects="channels // reduction is 0 when channels are few: the layers are empty, "
    "the gate is the same for every image, and no error tells.",
    cure="Keep a bottleneck at least one channel wide, max(channels // reduction, 1), "
    "or raise a ValueError that names the channels that would work.",
)
def few_channels(patient: Patient) -> tuple[str, ...]:
    """Build it with few channels; look for layers without numbers; call it."""
    if not patient.takes_channels:
        raise NotExaminedError("It is not told its channels.")
    for key, value in patient.constructor.options.items():
        if type(value) is int and value == patient.channels:
            raise NotExaminedError(f"{key}={value} fixes its channels.")
    seen = []
    for channels in FEW:
        call = patient.constructor.text(channels)
        try:
            block = patient.fresh(channels)
        except BlockError as problem:
            # PyTorch itself raises RuntimeError where a layer cannot be made
            if isinstance(problem.problem, (*REFUSALS, RuntimeError)):
                seen.append(f"{call} is refused: {problem.says}")
                continue
            raise Fault(f"{call} breaks off.", problem.seen) from None
        empty = [key for key, p in block.named_parameters() if not p.numel()]
        if empty:
            raise Fault(f"{call} has empty layers.", f"no numbers in {listed(empty)}")
        seen += _answer(patient, block, channels, call)
    return tuple(seen)


@check(
    title="Registers every layer and parameter",
    protects="A layer in a plain list or dict is not found by .to(), by the optimizer "
    "and by state_dict: it never learns and is never saved.",
    cure="Use nn.ModuleList, nn.ModuleDict, nn.ParameterList or nn.ParameterDict.",
)
def every_layer_is_registered(patient: Patient) -> None:
    """Look for layers and parameters in plain containers."""
    block = patient.fresh()
    known = {id(item) for item in (*block.modules(), *block.parameters())}
    hidden = [
        f"self.{path} holds a {type(item).__name__}"
        for path, item in _kept(block)
        if isinstance(item, nn.Module | nn.Parameter) and id(item) not in known
    ]
    if hidden:
        raise Fault("It hides layers in plain containers.", *hidden[:5])


@check(
    title="Registers every tensor",
    protects="A tensor that is a plain attribute stays on its device and in its type "
    "when the block moves, and is not saved.",
    cure="Use self.register_buffer(name, tensor); with persistent=False it is moved "
    "but not saved.",
    rests_on=("every_layer_is_registered",),
)
def every_tensor_is_registered(patient: Patient) -> None:
    """Look for tensors that are plain attributes; a number in a tensor is none."""
    block = patient.fresh()
    known = {id(item) for item in (*block.parameters(), *block.buffers())}
    hidden = [
        f"self.{path} is a tensor of {tuple(item.shape)}, {item.dtype}, {item.device}"
        for path, item in _kept(block)
        if isinstance(item, Tensor)
        and not isinstance(item, nn.Parameter)
        and item.dim()
        and id(item) not in known
    ]
    if hidden:
        raise Fault("It keeps tensors as plain attributes.", *hidden[:5])


@check(
    title="Shares no weight with another block of its class",
    protects="A layer made in a default argument or in the class body is one and the "
    "same in every block: they overwrite each other.",
    cure="Make every layer in __init__; pass classes as options, not objects: "
    "norm=nn.BatchNorm2d.",
)
def blocks_share_nothing(patient: Patient) -> None:
    """Look whether two new blocks have memory in common."""
    if patient.shares:
        raise Fault("Two new blocks share weights.", listed(patient.shares))


def _answer(
    patient: Patient, block: nn.Module, channels: int, call: str
) -> tuple[str, ...]:
    """Let the block answer; return what it said if it refused."""
    maps = patient.maps(channels=channels, dtype=torch.float32)
    try:
        y = patient.answer(block.eval(), maps)
    except BlockError as problem:
        if isinstance(problem.problem, REFUSALS):
            return (f"{call} refuses its input: {problem.says}",)
        raise Fault(f"{call} is built, but cannot answer.", problem.seen) from None
    if not is_finite(y):
        raise Fault(f"{call} gives values that are not finite.", unfinished(y))
    return ()


def _kept(block: nn.Module) -> Iterator[tuple[str, Any]]:
    """Yield path and value of what modules keep as plain attributes, also within."""
    for path, module in block.named_modules():
        prefix = f"{path}." if path else ""
        for key, value in vars(module).items():
            if key not in ("_parameters", "_buffers", "_modules"):
                yield from _within(f"{prefix}{key}", value, 0)


def _within(path: str, value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    yield path, value
    if depth == DEEPEST:
        return
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list | tuple | set):
        items = list(enumerate(value))
    else:
        return
    for key, inner in items:
        yield from _within(f"{path}[{key!r}]", inner, depth + 1)


CHECKS: tuple[Check, ...] = (
    few_channels,
    every_layer_is_registered,
    every_tensor_is_registered,
    blocks_share_nothing,
)
