"""Whether a block can be copied, pickled, saved and loaded."""

from __future__ import annotations

import copy
import io
import pickle

import torch
from torch import Tensor, nn

from foveate.checkup._blame import BlockError, blaming
from foveate.checkup._check import Check, Fault, check
from foveate.checkup._numbers import listed, must_agree
from foveate.checkup._patient import Patient
from foveate.checkup._watching import shared_weights

__all__ = ["CHECKS"]

BY_STATE_ONLY = "Serialization of parametrized modules"
"""What PyTorch says of layers under torch.nn.utils.parametrizations."""


@check(
    title="Can be copied and pickled",
    protects="Averaged weights copy the network; torch.save(model), worker processes "
    "and schedulers pickle it. A lambda kept as an attribute cannot be "
    "pickled.",
    cure="Keep no lambda, generator, file or local class on the block: use a method, "
    "a module such as nn.ReLU(), or functools.partial of a named function.",
    rests_on=("repeatable",),
)
def deepcopy_and_pickle(patient: Patient) -> tuple[str, ...]:
    """Compare the answers of a deep copy and of a pickled block."""
    block, maps = patient.block(), patient.maps()
    want = patient.answer(block, maps)
    for how, duplicate in (("copy.deepcopy", copy.deepcopy), ("pickle", _pickled)):
        try:
            with blaming(direct=True):
                twin: nn.Module = duplicate(block)
        except BlockError as problem:
            if BY_STATE_ONLY in problem.says:
                return (
                    "Not pickled: PyTorch saves parametrized layers by their state.",
                )
            raise Fault(f"{how} fails.", problem.says) from None
        must_agree(
            patient.answer(twin, maps),
            want,
            patient.tolerance,
            f"It answers otherwise after {how}.",
        )
        _must_be_apart(block, twin, how)
    return ()


@check(
    title="Can be saved and loaded into a new block",
    protects="What is drawn by chance in the constructor, and is no parameter or "
    "buffer, is not in the file: the loaded block answers otherwise.",
    cure="Make everything that sets the answer a parameter or a buffer "
    "(register_buffer), or draw it from a fixed seed.",
    rests_on=(
        "every_layer_is_registered",
        "every_tensor_is_registered",
        "repeatable",
    ),
)
def state_dict_round_trip(patient: Patient) -> None:
    """Load the state strictly into a block with other random numbers."""
    block, maps = patient.block(), patient.maps()
    want = patient.answer(block, maps)
    other = patient.block(seed=1)
    try:
        with blaming():
            other.load_state_dict(_saved(block), strict=True)
    except BlockError as problem:
        raise Fault("Its state does not fit a new block.", problem.seen) from None
    must_agree(
        patient.answer(other, maps),
        want,
        patient.tolerance,
        "A block that was saved and loaded answers otherwise.",
    )


def _pickled(block: nn.Module) -> nn.Module:
    twin: nn.Module = pickle.loads(pickle.dumps(block))  # noqa: S301
    return twin


def _saved(block: nn.Module) -> dict[str, Tensor]:
    file = io.BytesIO()
    torch.save(block.state_dict(), file)
    file.seek(0)
    state: dict[str, Tensor] = torch.load(file, weights_only=True)
    return state


def _must_be_apart(block: nn.Module, twin: nn.Module, how: str) -> None:
    shared = shared_weights(twin, block)
    if shared:
        raise Fault(f"After {how}, both share weights.", listed(shared))


CHECKS: tuple[Check, ...] = (deepcopy_and_pickle, state_dict_round_trip)
