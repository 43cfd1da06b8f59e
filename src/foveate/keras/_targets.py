"""What a map of a Keras model is for: a class, or the pixels of a class."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from foveate.errors import OptionError
from foveate.keras._numbers import Tensor
from foveate.pictures.classes import check_class, class_of_pixels
from foveate.pictures.target import Target

__all__ = ["Targets", "are_shares", "array_of", "in_order", "resolve"]

One = int | Callable[[Any], Tensor] | None

Targets = One | Sequence[One]
"""What maps are for: the number of a class, a callable that makes one number of the
answer to an image, or None for what the model finds likeliest. A sequence has one for
each image."""

Values = NDArray[np.floating]

CLASS_DIMS = 2
PIXEL_DIMS = 4


def resolve(
    answer: Any, wanted: Sequence[Any], squash: str, data_format: str
) -> list[Target]:
    """Return what the map of each image is for.

    Args:
        answer: What the model answers, before it is squashed.
        wanted: What was asked for each image.
        squash: ``softmax`` or ``sigmoid``, by what the model makes probabilities of
            it; empty if by neither.
        data_format: Where the classes of pixels stand.

    Raises:
        OptionError: A class does not exist, or what the model answers is not known.
    """
    for one in wanted:
        _check(one)
    if all(callable(one) for one in wanted):
        return [_given(one) for one in wanted]
    shape = tuple(answer.shape) if ops.is_tensor(answer) else None
    if shape is None or len(shape) not in (CLASS_DIMS, PIXEL_DIMS):
        came = type(answer).__name__ if shape is None else f"a tensor {shape}"
        raise OptionError(
            f"targets: the model returned {came}, and it is not known what in it "
            "speaks for a class. Give targets=[callable], one for each image, which "
            "gets the image's share of that and returns one number."
        )
    values = array_of(answer)
    if len(shape) == CLASS_DIMS:
        return [
            _given(one) if callable(one) else _of_class(row, one, squash)
            for row, one in zip(values, wanted, strict=True)
        ]
    axis = 2 if data_format == "channels_last" else 0
    return [
        _given(one) if callable(one) else _of_pixels(image, one, axis)
        for image, one in zip(values, wanted, strict=True)
    ]


def in_order(targets: Any, images: int) -> list[Any]:
    """Return what was asked for each image.

    Raises:
        OptionError: There is not one for each.
    """
    if hasattr(targets, "tolist") and not callable(targets):
        targets = targets.tolist()
    if not isinstance(targets, Sequence) or isinstance(targets, str):
        return [targets] * images
    if len(targets) != images:
        raise OptionError(
            f"targets: expected one for each of {images} images, got {len(targets)}. "
            "Give a single one that is for all, or None for the likeliest."
        )
    return list(targets)


def array_of(value: Any) -> Values:
    """Return a tensor as an array, in single precision at least."""
    array = np.asarray(ops.convert_to_numpy(value))
    wide: Values = array.astype(np.promote_types(array.dtype, np.float32), copy=False)
    return wide


def _check(wanted: Any) -> None:
    if wanted is None or callable(wanted):
        return
    if isinstance(wanted, str):
        raise OptionError(
            f"targets: {wanted!r} is a name, and models of Keras do not name their "
            "classes. Give the number of the class."
        )
    try:
        if not isinstance(wanted, bool):
            operator.index(wanted)
            return
    except TypeError:
        pass
    raise OptionError(
        "targets: expected the number of a class, a callable or None, got "
        f"{wanted!r} ({type(wanted).__name__})."
    )


def _number(wanted: Any, count: int) -> int:
    number = operator.index(wanted)
    check_class(number, count, "model")
    return number


def _given(given: Callable[[Any], Tensor]) -> Target:
    name = getattr(given, "__name__", type(given).__name__)
    return Target(None, None, None, name if name.isidentifier() else "a target", given)


def _of_class(logits: Values, wanted: Any, squash: str) -> Target:
    chosen = int(logits.argmax()) if wanted is None else _number(wanted, len(logits))
    if not np.isfinite(logits[chosen]):
        raise OptionError(
            f"targets: the model's logit of class {chosen} is {logits[chosen]:g}. Run "
            "it in a wider precision, such as float32."
        )
    share = float(_shares(logits, squash)[chosen])
    name = _name_of(chosen)
    return Target(chosen, share, None, name, lambda answer: answer[chosen])


def _shares(logits: Values, squash: str) -> Values:
    """Return the probabilities that logits stand for, or that they are already."""
    if squash == "sigmoid" or (not squash and len(logits) == 1):
        # in this form no exponential overflows
        halves: Values = 0.5 * (1 + np.tanh(0.5 * logits))
        return halves
    if not squash and are_shares(logits):
        return logits
    powers = np.exp(logits - logits.max())
    shares: Values = powers / powers.sum()
    return shares


def are_shares(values: Values) -> bool:
    """Return whether values are probabilities that add up to 1."""
    rounding = 1e-3 if values.dtype.itemsize < 4 else 1e-5  # noqa: PLR2004
    total = values.sum(axis=-1)
    return bool((values >= 0).all() and np.allclose(total, 1, atol=rounding))


def _of_pixels(answer: Values, wanted: Any, axis: int) -> Target:
    """Return the target of the pixels that are predicted to be of a class."""
    logits = np.moveaxis(answer, axis, 0)
    asked = None if wanted is None else _number(wanted, len(logits))
    category, mask, name = class_of_pixels(logits, asked, _name_of)

    def value(answered: Tensor) -> Tensor:
        of_class = ops.take(answered, category, axis=axis)
        return ops.sum(of_class * ops.cast(mask, of_class.dtype))

    return Target(category, None, None, name, value)


def _name_of(category: int) -> str:
    return f"class {category}"
