"""Whether a block is right in every type of number, also on large maps."""

from __future__ import annotations

import re

import torch
from torch import Tensor, nn

from foveate.checkup._blame import BlockError, blaming
from foveate.checkup._check import Check, Fault, NotExaminedError, check
from foveate.checkup._numbers import difference, is_finite, unfinished
from foveate.checkup._patient import Patient

__all__ = ["CHECKS"]

DTYPES = (torch.float64, torch.bfloat16, torch.float16)
HALVES = ((torch.float16, 0.01), (torch.bfloat16, 0.05))
LARGE = (40, 40)
SPREAD = 8.0
ROUNDINGS = 30
"""So many times the effect of rounding the input may the whole rounding error be."""

MISSING = re.compile(
    r"not implemented for '?(Half|BFloat16|Double)|[Ll]ow precision dtypes"
    r"|[Uu]nsupported dtype"
)
"""What PyTorch says where it lacks an operation in a type."""


@check(
    title="Answers in the type of its input: float64, bfloat16, float16",
    protects="A mask or a constant made in float32 turns a half-precision network "
    "into float32 behind it, or stops it.",
    cure="Make tensors like the input: x.new_zeros(...), torch.ones(..., "
    "dtype=x.dtype, device=x.device).",
    rests_on=(
        "every_layer_is_registered",
        "every_tensor_is_registered",
        "no_layers_made_in_forward",
    ),
)
def keeps_dtype(patient: Patient) -> tuple[str, ...]:
    """Convert block and input to each type."""
    wrong: list[str] = []
    missing: list[str] = []
    for dtype in DTYPES:
        maps = patient.maps(dtype=dtype)
        try:
            found = patient.answer(patient.block(dtype), maps).dtype
        except BlockError as problem:
            lacking = MISSING.search(str(problem.problem))
            (missing if lacking else wrong).append(f"{dtype}: {problem.says}")
            continue
        if found != dtype:
            wrong.append(f"{dtype} in, {found} out")
    if wrong:
        raise Fault("It does not answer in the type of its input.", *wrong)
    return tuple(f"not known, for PyTorch lacks an operation: {m}" for m in missing)


@check(
    title="Is right in half precision on large maps",
    protects="A sum of squares over a map passes 65504, the largest float16, without "
    "an error: the gate ends the same everywhere.",
    cure="Sum in float32: x.float().square().sum(...), then .to(x.dtype); take means "
    "before squares grow.",
    rests_on=("keeps_dtype", "repeatable", "functionalizes", "any_size"),
)
def half_precision_numbers(patient: Patient) -> tuple[str, ...]:
    """Compare with float64 for the same weights, allowing for what rounding does."""
    seen = []
    for dtype, allowed in HALVES:
        block = patient.block(dtype)
        maps = [(SPREAD * x).to(dtype) for x in patient.maps(2, LARGE)]
        try:
            found = patient.answer(block, maps)
        except BlockError as problem:
            if MISSING.search(str(problem.problem)):
                continue
            raise
        wide = [x.double() for x in maps]
        with blaming():
            block.double()
        want = patient.answer(block, wide)
        error = difference(found, want)
        room = max(allowed, ROUNDINGS * _rounding(patient, block, wide, dtype, want))
        text = f"{dtype}: off by {error:.2g} of the largest value, {room:.2g} allowed"
        seen.append(text)
        if not is_finite(found) or error > room:
            raise Fault(
                "Its numbers are wrong in half precision.", text, unfinished(found)
            )
    if not seen:
        raise NotExaminedError("PyTorch lacks an operation of it in half precision.")
    return tuple(seen)


def _rounding(
    patient: Patient,
    block: nn.Module,
    maps: list[Tensor],
    dtype: torch.dtype,
    want: Tensor,
) -> float:
    """Return by how much the answer moves if each input is rounded once more."""
    generator = torch.Generator().manual_seed(5)
    step = torch.finfo(dtype).eps / 2
    moved = [
        x * (1 + step * torch.randn(x.shape, generator=generator, dtype=x.dtype))
        for x in maps
    ]
    return difference(patient.answer(block, moved), want)


CHECKS: tuple[Check, ...] = (keeps_dtype, half_precision_numbers)
