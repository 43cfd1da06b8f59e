"""Whether a block answers, in the right shape, at every size."""

from __future__ import annotations

import torch

from foveate.checkup._blame import BlockError
from foveate.checkup._check import Check, Fault, NotExaminedError, check
from foveate.checkup._numbers import is_finite, shape_text, unfinished
from foveate.checkup._patient import Patient

__all__ = ["CHECKS"]

SIZES = ((7, 7), (5, 9), (33, 20))
TINY_SIZES = ((1, 1), (1, 7), (7, 1))


@check(
    title="Answers an ordinary map with finite numbers, in evaluation and in training",
    protects="Everything else: a block that cannot answer cannot be examined. Most "
    "often it was given other arguments, or another number of maps, than it needs.",
    cure="Try the call by hand, then tell the doctor the right channels, options, "
    "inputs or size; forward must return one tensor.",
)
def answers(patient: Patient) -> None:
    """Call a new block on two images of an ordinary size."""
    maps = patient.maps(patient.batch, dtype=torch.float32)
    call = f"{patient.built} on {patient.inputs} of {shape_text(maps[0])}"
    for training in (False, True):
        mode = "in training" if training else "in evaluation"
        try:
            y = patient.answer(patient.fresh().train(training), maps)
        except BlockError as problem:
            raise Fault(f"It cannot answer {mode}.", call, problem.seen) from None
        if not is_finite(y):
            raise Fault(f"Its answer is not finite {mode}.", call, unfinished(y))


@check(
    title="Returns a map of the shape it was given",
    protects="A block can be put between any two layers only if it keeps the shape. "
    "Public attention blocks often return the gate alone and leave the product to the "
    "caller.",
    cure="Return x * gate, not the gate; give every convolution of side k a padding of "
    "(k - 1) // 2 and a stride of 1.",
)
def keeps_shape(patient: Patient) -> None:
    """Compare the shapes of input and output."""
    maps = patient.maps()
    y = patient.answer(patient.block(), maps)
    if y.shape != maps[0].shape:
        raise Fault(
            "It returns another shape than it takes.",
            f"{shape_text(maps[0])} in, {shape_text(y)} out",
        )


@check(
    title="Takes maps of any size: odd, square, wide",
    protects="Detectors train on many sizes, and few maps are even on every level. "
    "Public blocks halve a map and double it again, and miss the last row.",
    cure="Resize to the size of the other map (interpolate(y, size=x.shape[2:])) "
    "instead of by a factor; bind no weight to a size. If it must be bound to one, "
    "tell the doctor which: size=(H, W), --size HxW.",
    rests_on=("keeps_shape",),
)
def any_size(patient: Patient) -> tuple[str, ...] | None:
    """Call it on maps of other sizes; a block bound to one size must refuse them."""
    if patient.size is not None:
        return _refuses_other_sizes(patient, patient.size)
    _must_take(patient, SIZES, "It does not take maps of any size.")
    return None


@check(
    title="Takes maps of a single row, column or place",
    protects="The last maps of a small image, or of a crop, may be 1x1. Dividing by "
    "H * W - 1, or an unbiased deviation, gives NaN there.",
    cure="Guard the divisor: max(H * W - 1, 1), or var(unbiased=False).",
    rests_on=("any_size",),
)
def tiny_maps(patient: Patient) -> None:
    """Call it on maps with sides of 1."""
    if patient.size is not None:
        raise NotExaminedError(_bound_to(patient.size))
    _must_take(patient, TINY_SIZES, "It does not take the smallest maps.")


def _must_take(
    patient: Patient, sizes: tuple[tuple[int, int], ...], cause: str
) -> None:
    seen = []
    for height, width in sizes:
        maps = patient.maps(size=(height, width))
        try:
            y = patient.answer(patient.block(), maps)
        except BlockError as problem:
            seen.append(f"{height}x{width}: {problem.seen}")
            continue
        if y.shape != maps[0].shape:
            seen.append(f"{height}x{width}: {shape_text(y)} came out")
        elif not is_finite(y):
            seen.append(f"{height}x{width}: {unfinished(y)}")
    if seen:
        raise Fault(cause, *seen)


def _refuses_other_sizes(patient: Patient, size: tuple[int, int]) -> tuple[str, ...]:
    height, width = size
    seen = []
    for other in {(height + 1, width), (2 * height, width), (width, height)} - {size}:
        shape = (2, patient.channels, *other)
        maps = [torch.ones(shape, dtype=patient.precision)] * patient.inputs
        try:
            patient.answer(patient.block(), maps)
        except BlockError as problem:
            seen.append(f"{other[0]}x{other[1]}: {problem.says}")
            continue
        raise Fault(
            f"It is bound to maps of {height}x{width}, but answers others without a "
            "word.",
            f"{other[0]}x{other[1]}: an answer",
            cure="Compare the size of the map with that of the block, and raise a "
            "ValueError that names both. If it takes any size, do not declare one.",
        )
    return tuple(sorted(seen))


def _bound_to(size: tuple[int, int]) -> str:
    return f"It takes only maps of {size[0]}x{size[1]}."


CHECKS: tuple[Check, ...] = (answers, keeps_shape, any_size, tiny_maps)
