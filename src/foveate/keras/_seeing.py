"""Make the class activation maps of a batch of images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from foveate import _checks
from foveate.errors import OptionError
from foveate.keras._cams import eigencam, weighted
from foveate.keras._formats import MAP_DIMS
from foveate.keras._gradients import gradients, without_gradients
from foveate.keras._numbers import Tensor
from foveate.keras._parts import replaced, run, telling
from foveate.keras._targets import array_of, resolve
from foveate.keras._where import Place
from foveate.pictures.activation import Activation
from foveate.pictures.target import Target

__all__ = ["activation_of", "see"]

Values = NDArray[np.floating]


EXPONENTS = range(15, -25, -4)
"""Powers of two to multiply a score in float16 by, of which gradients do not vanish."""

NO_CLASS = Target(None, None, None, "no class", ops.sum)
"""What a map of Eigen-CAM is for."""


def activation_of(
    model: keras.Model,
    x: Tensor,
    place: Place,
    method: str,
    wanted: Sequence[Any],
    *,
    batch_size: int = 16,
) -> Activation:
    """Return the class activation maps of images, so many at once.

    Args:
        model: The model.
        x: The images, as it takes them.
        place: Where to look.
        method: How.
        wanted: What was asked for each image.
        batch_size: How many images the model gets at once.

    Raises:
        OptionError: A target cannot be, does not depend on the layers, or a number is
            not finite.
    """
    found: list[Target] = []
    batches = []
    for start in range(0, len(x), batch_size):
        few = slice(start, start + batch_size)
        of_images, maps = see(model, x[few], place, method, wanted[few])
        found += of_images
        batches.append(maps)
    sides = x.shape[1:3] if place.data_format == "channels_last" else x.shape[2:4]
    return Activation.of(
        [
            np.concatenate(parts).astype(np.float32)
            for parts in zip(*batches, strict=True)
        ],
        (int(sides[0]), int(sides[1])),
        layers=list(place.layers),
        targets=found,
        method=method,
        reason=place.reason,
    )


def see(
    model: keras.Model, x: Tensor, place: Place, method: str, wanted: Sequence[Any]
) -> tuple[list[Target], list[Values]]:
    """Return what the map of each image is for, and of each layer ``(N, h, w)``.

    Args:
        model: The model.
        x: The images, as it takes them.
        place: Where to look.
        method: How.
        wanted: What was asked for each image.

    Raises:
        OptionError: A target cannot be, does not depend on the layers, or a number is
            not finite.
    """
    kept: dict[str, Tensor] = {}

    def keep(name: str, _: tuple[Any, ...], output: Any) -> Any:
        kept[name] = output
        return output

    with _unsquashed(place):
        with telling(place.layers, keep), without_gradients():
            answer = run(model, x)
        maps = {
            name: _map_of(f"layer '{name}'", kept[name], place.formats[name])
            for name in place.layers
        }
        if method == "eigencam":
            return [NO_CLASS] * len(x), [*map(eigencam, maps.values())]
        targets = resolve(answer, wanted, place.squash, place.data_format)
        slopes = _slopes(model, x, place, targets, kept)
    return targets, [
        weighted(method, activations, slopes[name])
        for name, activations in maps.items()
    ]


def _slopes(
    model: keras.Model,
    x: Tensor,
    place: Place,
    targets: Sequence[Target],
    kept: Mapping[str, Tensor],
) -> dict[str, Values]:
    """Return the gradients of what maps are for by the output of each layer."""
    names = list(place.layers)

    def score(added: Sequence[Tensor], factor: float) -> Tensor:
        more = dict(zip(names, added, strict=True))

        def add(name: str, _: tuple[Any, ...], output: Any) -> Any:
            return output + more[name]

        with telling(place.layers, add):
            return _total(targets, run(model, x)) * factor

    zeros = [ops.zeros_like(kept[name]) for name in names]
    halves = any(_is_half(kept[name]) for name in names)
    for exponent in EXPONENTS if halves else (0,):
        found = gradients(partial(score, factor=2.0**exponent), zeros)
        if all(each is None or np.isfinite(array_of(each)).all() for each in found):
            break
    if all(each is None for each in found):
        layers = _checks.cut([f"layer '{name}'" for name in names])
        raise OptionError(
            f"what the map is for does not depend on {layers}, so there is no "
            "gradient. Name a layer that the model's answer comes from, and compute "
            "the target from that answer with keras.ops."
        )
    return {
        name: _map_of(
            f"the gradient at layer '{name}'",
            zero if each is None else each,
            place.formats[name],
        )
        / 2.0**exponent
        for name, zero, each in zip(names, zeros, found, strict=True)
    }


def _total(targets: Sequence[Target], answer: Any) -> Tensor:
    """Return the sum over images of what their maps are for.

    In evaluation images do not depend on each other, so one sum does for all.
    """
    total = 0.0
    for image, target in enumerate(targets):
        value = target.value(_share(answer, image, len(targets)))
        kind = keras.backend.standardize_dtype(value.dtype)
        total += ops.sum(ops.cast(value, keras.backend.result_type(kind, "float32")))
    return total


def _share(answer: Any, image: int, count: int) -> Any:
    """Return one image's share of what a model answers."""
    if isinstance(answer, Mapping):
        return {name: _share(each, image, count) for name, each in answer.items()}
    if isinstance(answer, list | tuple):
        return [_share(each, image, count) for each in answer]
    return answer[image] if tuple(answer.shape)[:1] == (count,) else answer


def _map_of(where: str, value: Tensor, data_format: str) -> Values:
    """Return ``(N, C, h, w)``.

    Raises:
        OptionError: It is no map, or not finite.
    """
    values = array_of(value)
    if values.ndim != MAP_DIMS:
        raise OptionError(
            f"{where} is {values.shape}, not a map of four axes. Name another layer."
        )
    if not np.isfinite(values).all():
        raise OptionError(
            f"{where} is not finite, so no map can be made of it. Run the model in a "
            "wider precision, such as float32, or look for what divides by zero."
        )
    if data_format == "channels_first":
        return values
    return values.transpose(0, 3, 1, 2)


@contextmanager
def _unsquashed(place: Place) -> Iterator[None]:
    """Have a model answer with logits.

    Of probabilities the gradients vanish where the model is sure.
    """
    with ExitStack() as changes:
        if place.end is not None and hasattr(place.end, "activation"):
            linear = keras.activations.linear
            changes.enter_context(replaced(place.end, "activation", linear))
        elif place.end is not None:
            changes.enter_context(replaced(place.end, "call", _unchanged))
        yield


def _unchanged(x: Tensor, *_: Any, **__: Any) -> Tensor:
    return x


def _is_half(value: Tensor) -> bool:
    return bool(keras.backend.standardize_dtype(value.dtype) == "float16")
