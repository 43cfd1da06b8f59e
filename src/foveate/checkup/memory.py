"""Whether a block depends on how its input lies in memory, or on its neighbours."""

from __future__ import annotations

import torch
from torch import Tensor

from foveate.checkup._blame import BlockError, blaming
from foveate.checkup._check import Check, Fault, NotExaminedError, check
from foveate.checkup._numbers import is_finite, must_agree, shape_text, unfinished
from foveate.checkup._patient import Patient

__all__ = ["CHECKS"]

LAST = torch.channels_last
NUMBERS = ("repeatable", "functionalizes")


@check(
    title="Answers the same in channels-last memory format",
    protects="Half-precision training on GPUs runs in channels-last. Public blocks "
    "call .view, which then raises an error.",
    cure="Use .reshape(...) or .flatten(...) instead of .view(...).",
    rests_on=NUMBERS,
)
def channels_last(patient: Patient) -> None:
    """Compare with a contiguous input; also with the weights in that format."""
    maps = patient.maps()
    want = patient.answer(patient.block(), maps)
    for of_weights in (False, True):
        block = patient.block()
        if of_weights:
            with blaming():
                block.to(memory_format=LAST)  # type: ignore[call-overload]
        _must_answer_as(patient, want, maps, [_last(x) for x in maps])


@check(
    title="Keeps the channels-last memory format",
    protects="Speed, not numbers: a block that answers in another format makes every "
    "layer behind it convert, or work in the slow one.",
    cure="Avoid reshapes through (B, C, H * W) on the way out, or end with "
    "y.contiguous(memory_format=torch.channels_last) if x is so.",
    rests_on=("channels_last", "keeps_shape"),
)
def keeps_memory_format(patient: Patient) -> None:
    """Look at the strides of the answer to a channels-last input."""
    with blaming():
        block = patient.block().to(memory_format=LAST)  # type: ignore[call-overload]
    maps = [_last(x) for x in patient.maps()]
    if maps[0].is_contiguous():
        raise NotExaminedError("With one channel, both formats are the same.")
    y = patient.answer(block, maps)
    if not y.is_contiguous(memory_format=LAST):
        raise Fault(
            "Channels-last goes in and does not come out; a matter of speed, not of "
            "numbers.",
            f"strides {maps[0].stride()} in, {y.stride()} out",
        )


@check(
    title="Answers the same for crops, transposed and expanded maps",
    protects="A crop x[:, :, 1:, 1:] is not in one piece in memory. Public blocks "
    "call .view(b, c, -1), which then raises an error.",
    cure="Use .reshape(...) or .flatten(...) instead of .view(...).",
    rests_on=("channels_last", "leaves_input_alone"),
)
def strided_input(patient: Patient) -> None:
    """Compare views of larger tensors with contiguous copies of them."""
    height, width = patient.size or (16, 12)
    batch, channels = 2, patient.channels
    source = torch.randn(
        (batch, channels, 2 * width, height + 3),
        generator=torch.Generator().manual_seed(7),
        dtype=patient.precision,
    )
    crop = source[:, :, ::2, 1 : height + 1].transpose(2, 3)
    same = crop[:1].contiguous().expand(batch, -1, -1, -1)
    for view in (crop, same):
        maps = [
            view * (1 + place) if place else view for place in range(patient.inputs)
        ]
        want = patient.answer(patient.block(), [x.contiguous() for x in maps])
        _must_answer_as(patient, want, maps, maps)


@check(
    title="Answers each image as if it were alone",
    protects="A softmax over the wrong axis, or a squeeze, mixes the images of a "
    "batch: what is deployed, image by image, is not what was tested.",
    cure="Name the axis: softmax(dim=1), mean(dim=(2, 3)), flatten(1); never squeeze() "
    "without an axis.",
    rests_on=(*NUMBERS, "keeps_shape"),
)
def images_are_independent(patient: Patient) -> None:
    """Compare a batch with its images one by one, in evaluation."""
    block, maps = patient.block(), patient.maps(3)
    together = patient.answer(block, maps)
    for place in range(len(together)):
        image = [x[place : place + 1] for x in maps]
        try:
            alone = patient.answer(block, image)
        except BlockError as problem:
            raise Fault("It cannot answer a single image.", problem.seen) from None
        must_agree(
            alone,
            together[place : place + 1],
            patient.tolerance,
            "Its answer to an image depends on the others in the batch.",
            f"image {place + 1} of 3, alone against within the batch:",
        )


@check(
    title="Trains on a single image",
    protects="BatchNorm behind a pooling to one place has one value a channel to "
    "normalise when the batch is one image, and PyTorch refuses.",
    cure="Use GroupNorm or no norm behind the pooling. If that is the design, declare "
    "it: training_batch=2, --training-batch 2.",
    rests_on=("images_are_independent",),
)
def one_image_in_training(patient: Patient) -> None:
    """Call it in training on a batch of one."""
    if patient.training_batch > 1:
        raise NotExaminedError(
            f"It takes at least {patient.training_batch} images in training, as it "
            "declares."
        )
    try:
        y = patient.answer(patient.block(training=True), patient.maps(1))
    except BlockError as problem:
        raise Fault("It cannot train on a single image.", problem.seen) from None
    if not is_finite(y):
        raise Fault("In training, one image gives no finite answer.", unfinished(y))


def _must_answer_as(
    patient: Patient, want: Tensor, maps: list[Tensor], views: list[Tensor]
) -> None:
    strides = f"input of {shape_text(maps[0])} with strides {views[0].stride()}"
    cause = "It cannot answer a map that lies otherwise in memory."
    try:
        with torch.no_grad():
            found = patient.call(patient.block(), views)
    except BlockError as problem:
        raise Fault(cause, strides, problem.seen) from None
    cause = "Its numbers depend on how its input lies in memory."
    must_agree(found, want, patient.tolerance, cause, strides)


def _last(x: Tensor) -> Tensor:
    return x.clone(memory_format=LAST)


CHECKS: tuple[Check, ...] = (
    channels_last,
    keeps_memory_format,
    strided_input,
    images_are_independent,
    one_image_in_training,
)
