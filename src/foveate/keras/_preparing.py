"""Give a Keras model an image in the way that it takes images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray
from PIL import Image

from foveate import _checks
from foveate.errors import ImageError, OptionError
from foveate.keras._model_formats import format_of_images
from foveate.keras._numbers import Tensor
from foveate.keras._parts import steps_of
from foveate.keras._targets import array_of
from foveate.pictures import Picture

__all__ = ["Preparation", "Preprocess", "picture_of", "preparation_of", "prepare"]

Preprocess = Callable[[Any], Any]
"""Makes what a model takes of images from 0 to 255."""

SIDE = 224
MULTIPLE = 32
MOST_ELONGATED = 4
"""How many times its shorter side the longer side of an input has at most."""

GREY = 1
COLOURS = 3
IMAGE_DIMS = 3

SLACK = 0.05
"""How far values may lie beyond 0 to 1 that are drawn as they are."""


@dataclass(frozen=True)
class Preparation:
    """How an image becomes the input of a model.

    The whole image is resized, never cut or padded, so a map of the input is one of
    the image.

    Attributes:
        sides: Height and width that every image gets; None for one that follows.
        shorter: What the shorter side becomes where neither is given.
        channels: 1 for grey, or 3.
        data_format: Where they stand.
        preprocess: Makes what the model takes of values from 0 to 255; None if it
            scales them itself.
    """

    sides: tuple[int | None, int | None]
    shorter: int
    channels: int
    data_format: str
    preprocess: Preprocess | None

    def size_for(self, height: int, width: int) -> tuple[int, int]:
        """Return height and width of the input for an image of this size.

        Example:
            >>> how = Preparation((None, None), 224, 3, "channels_last", None)
            >>> how.size_for(427, 640)
            (224, 320)
        """
        shorter, longer = min(height, width), max(height, width)
        share = min(self.shorter / shorter, MOST_ELONGATED * self.shorter / longer)
        # models for images of 40 pixels need no multiples of 32
        multiple = int(np.gcd(MULTIPLE, self.shorter))
        near = [max(round(n * share / multiple), 1) * multiple for n in (height, width)]
        return self.sides[0] or near[0], self.sides[1] or near[1]

    def __str__(self) -> str:
        """Say it in a sentence, for people."""
        size = f"with a shorter side near {self.shorter}"
        if None not in self.sides:
            size = f"resized to exactly {self.sides[0]}x{self.sides[1]}"
        elif any(self.sides):
            size = f"resized to {self.sides[0] or 'any'}x{self.sides[1] or 'any'}"
        grey = ", in grey" if self.channels == GREY else ""
        name = getattr(self.preprocess, "__name__", "a function")
        values = f"values from 0 to 255, then {name}"
        if self.preprocess is None:
            values = "values from 0 to 255, which the model scales itself"
        return f"images go in whole, {size}{grey}; {values}"


def preparation_of(
    model: keras.Model,
    size: int | Sequence[int] | None,
    preprocess: Preprocess | None,
) -> Preparation:
    """Return how a model takes images.

    Raises:
        OptionError: A value cannot work, or it is not known how it scales them.
    """
    data_format = format_of_images(model)
    inputs = getattr(model, "inputs", None)
    shape = tuple(inputs[0].shape) if inputs else (None, None, None, None)
    if len(shape) != IMAGE_DIMS + 1:
        raise OptionError(
            f"look: {model.name} takes inputs of {shape}, which are no images "
            "(N, H, W, C) or (N, C, H, W)."
        )
    last = data_format == "channels_last"
    channels = shape[3 if last else 1] or COLOURS
    own = shape[1:3] if last else shape[2:4]
    if preprocess is None and not _scales_itself(model):
        raise OptionError(
            f"look: {model.name} does not say how it takes the values of an image. "
            "Give preprocess=, a function of images from 0 to 255, such as "
            "keras.applications.resnet50.preprocess_input or lambda x: x / 255."
        )
    if preprocess is not None and not callable(preprocess):
        raise OptionError(
            f"look: preprocess must be a function of images, got {preprocess!r}."
        )
    sides, shorter = _sides(own, size)
    return Preparation(sides, shorter, channels, data_format, preprocess)


def prepare(picture: Picture, how: Preparation, model: keras.Model) -> Tensor:
    """Return an image as a model takes it, a batch of one.

    Raises:
        OptionError: The model takes neither 1 nor 3 channels.
    """
    if how.channels not in {GREY, COLOURS}:
        raise OptionError(
            f"look: {model.name} takes {how.channels} channels, and images have 1 or "
            "3. Give tensors of keras.ops, ready for the model."
        )
    image = Image.fromarray(picture.pixels)
    if how.channels == GREY:
        image = image.convert("L")
    height, width = how.size_for(*picture.size)
    # Pillow smooths where an image gets smaller
    smaller = image.resize((width, height), Image.Resampling.BICUBIC)
    values = np.array(smaller, np.float32).reshape(1, height, width, how.channels)
    if how.data_format == "channels_first":
        values = np.ascontiguousarray(values.transpose(0, 3, 1, 2))
    if how.preprocess is not None:
        values = how.preprocess(values)
    return ops.convert_to_tensor(values)


def picture_of(tensor: Tensor, data_format: str, name: str) -> Picture:
    """Return the image that a tensor of a model's input shows.

    Its values are drawn as they are if from 0 to 1, divided by 255 if they are from 0
    to 255, else stretched from their lowest to their highest.

    Raises:
        ImageError: It is no image, is empty, or has values that are not finite.
    """
    values = array_of(tensor).astype(np.float32)
    if values.ndim != IMAGE_DIMS or values.size == 0:
        raise ImageError(
            f"{name}: a tensor must be of three axes and not empty, got {values.shape}."
        )
    if not np.isfinite(values).all():
        raise ImageError(f"{name}: a tensor has values that are not finite.")
    if data_format == "channels_first":
        values = values.transpose(1, 2, 0)
    notes: list[str] = []
    channels = values.shape[2]
    if channels not in {GREY, COLOURS}:
        notes.append(f"the mean of {channels} channels")
        values = values.mean(axis=2, keepdims=True)
    drawn = np.rint(_shares(values, notes) * 255).astype(np.uint8)
    pixels = np.ascontiguousarray(np.broadcast_to(drawn, (*drawn.shape[:2], COLOURS)))
    return Picture(pixels, name, tuple(notes))


def _shares(values: NDArray[np.float32], notes: list[str]) -> NDArray[np.float32]:
    """Return values from 0 to 1."""
    low, high = float(values.min()), float(values.max())
    if low < -SLACK or high > 255:  # noqa: PLR2004
        notes.append("stretched from its lowest value to its highest")
        values = (values - low) / (high - low or 1.0)
    elif high > 1 + SLACK:
        values = values / np.float32(255)
    return values.clip(0, 1)


def _sides(
    own: tuple[int | None, ...], size: int | Sequence[int] | None
) -> tuple[tuple[int | None, int | None], int]:
    """Return height and width, where known, and what the shorter side becomes."""
    if size is None:
        return (own[0], own[1]), SIDE
    if isinstance(size, int):
        _checks.positive("look", size=size)
        wanted: tuple[int | None, ...] = (None, None)
    else:
        wanted = _checks.size("look", spatial_size=size)
    for side, has in zip(wanted, own, strict=True):
        if has is not None and side != has:
            raise OptionError(
                f"look: the model takes images of {own[0]}x{own[1]} only (height x "
                f"width), got size={size!r}. Leave the option out, or build the model "
                "with keras.Input((None, None, channels))."
            )
    return (wanted[0], wanted[1]), size if isinstance(size, int) else SIDE


def _scales_itself(model: keras.Model) -> bool:
    """Return whether a model scales the values of images before it weighs them."""
    for part in steps_of(model).values():
        if isinstance(part, keras.layers.Rescaling | keras.layers.Normalization):
            return True
        if not isinstance(part, keras.Model) and getattr(part, "weights", None):
            return False
    return False
