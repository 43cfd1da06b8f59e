"""At which layers of a model to look, and where its answer is squashed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras

from foveate import _checks
from foveate.errors import OptionError, SiteError
from foveate.keras._formats import MAP_DIMS, DataFormat
from foveate.keras._gradients import without_gradients
from foveate.keras._model_formats import format_of_images, format_of_layer
from foveate.keras._numbers import Tensor
from foveate.keras._parts import Part, parts_of, run, steps_of, telling
from foveate.keras._running import Ran, end_of
from foveate.keras._targets import are_shares, array_of

__all__ = ["LayerChoice", "Place", "find_place"]

LayerChoice: TypeAlias = (
    str | keras.layers.Layer | Sequence[str | keras.layers.Layer] | None
)
"""Where to look: layers, as such or by name; None finds the place."""

LEAST_SIDE = 7
"""The rows and columns that the last maps of most models have at 224 pixels."""

CLASS_DIMS = 2

PADS = (keras.layers.ZeroPadding2D, keras.layers.Cropping2D)
"""Layers whose maps no longer cover the image exactly."""


@dataclass(frozen=True)
class Place:
    """Where a model is looked at.

    Attributes:
        layers: The layers, by name.
        reason: Which they are and why, in words.
        end: The layer that squashes the answer, which makes probabilities of logits;
            None if none does.
        squash: How: ``softmax``, ``sigmoid``, or empty.
        formats: Where channels stand in what each layer returns.
        data_format: Where they stand in images.
    """

    layers: Mapping[str, Part]
    reason: str
    end: Part | None
    squash: str
    formats: Mapping[str, DataFormat]
    data_format: DataFormat


def find_place(model: keras.Model, x: Tensor, chosen: LayerChoice) -> Place:
    """Return where to look at a model; it runs once and is left as it was.

    Args:
        model: The model.
        x: One image as it takes it, ``(1, ...)``.
        chosen: What was asked for.

    Raises:
        OptionError: No layer returns a map, or one that was asked for does not.
        SiteError: No layer has that name; near ones are offered.
    """
    parts, ran = parts_of(model), Ran()
    with telling(parts, ran.tell), without_gradients():
        answer = run(model, x)
    if chosen is None:
        name, reason = _usual(model, ran, answer)
        names = [name]
    else:
        names = _asked(model, parts, ran, chosen)
        reason = f"{_checks.cut(names)}, as asked"
    end, squash = end_of(parts, ran, answer)
    if not squash and _answers_shares(answer):
        reason += (
            "; the model answers with probabilities, whose gradients vanish where it "
            "is sure: have it return logits, or end it with keras.layers.Softmax"
        )
    layers = {name: parts[name] for name in names}
    formats = {name: format_of_layer(model, parts, name) for name in names}
    return Place(layers, reason, end, squash, formats, format_of_images(model))


def _usual(model: keras.Model, ran: Ran, answer: Any) -> tuple[str, str]:
    """Return the layer to look at, and which it is and why."""
    steps = steps_of(model)
    sizes = {
        name: _size(ran.shapes[name], format_of_layer(model, steps, name))
        for name in ran.shapes
        if name in steps and _is_usable(steps[name], name, ran)
    }
    if not sizes:
        raise OptionError(
            f"class_activation: no layer of {model.name} returns a map of the image. "
            f"Name one with layer=, of: {_checks.cut(list(parts_of(model)))}."
        )
    largest = max(min(size) for size in sizes.values())
    least = min(LEAST_SIDE, largest)
    sizes = {name: size for name, size in sizes.items() if min(size) >= least}
    which = "last"
    if keras.ops.is_tensor(answer) and len(answer.shape) == MAP_DIMS:
        which, fewest = "deepest", min(min(size) for size in sizes.values())
        sizes = {name: size for name, size in sizes.items() if min(size) == fewest}
    name, (rows, columns) = list(sizes.items())[-1]
    words = f"layer whose map has at least {LEAST_SIDE} rows and columns"
    if largest < LEAST_SIDE:
        words = "layer with the largest map"
    return name, f"{name}, the {which} {words} ({rows}x{columns})"


def _answers_shares(answer: Any) -> bool:
    """Return whether a model answers with probabilities of several classes."""
    is_tensor = keras.ops.is_tensor(answer) and len(answer.shape) == CLASS_DIMS
    return is_tensor and answer.shape[1] > 1 and are_shares(array_of(answer))


def _is_usable(part: Part, name: str, ran: Ran) -> bool:
    shape = ran.shapes[name]
    is_layer = isinstance(part, keras.layers.Layer)
    fits = is_layer and not isinstance(part, (keras.Model, *PADS))
    return fits and _is_map(shape) and ran.calls[name] == 1


def _asked(
    model: keras.Model, parts: Mapping[str, Part], ran: Ran, chosen: Any
) -> list[str]:
    """Return the names of the layers that were asked for."""
    several = isinstance(chosen, Sequence) and not isinstance(chosen, str)
    names = [_name_of(model, parts, one) for one in (chosen if several else [chosen])]
    if not names:
        raise OptionError(
            "layer: got an empty list. Name a layer, or leave the option out."
        )
    for name in names:
        _check_ran(name, type(parts[name]).__name__, ran)
    return list(dict.fromkeys(names))


def _name_of(model: keras.Model, parts: Mapping[str, Part], one: Any) -> str:
    if not isinstance(one, str):
        for name, part in parts.items():
            if part is one:
                return name
        raise OptionError(
            f"layer: the {type(one).__name__} that was given is no layer within "
            f"{model.name}. Take it from the model that is looked at, such as "
            "model.get_layer(name); a copy has layers of its own."
        )
    if one in parts:
        return one
    ends = [name for name in parts if name.rpartition("/")[2] == one]
    if len(ends) == 1:
        return ends[0]
    if ends:
        raise SiteError(
            f"layer: {len(ends)} layers of {model.name} are named {one!r}. Give the "
            f"whole name: {_checks.cut(ends)}."
        )
    raise SiteError(
        f"layer: {model.name} has no layer {one!r}. {_checks.suggest(one, parts)}"
    )


def _check_ran(name: str, kind: str, ran: Ran) -> None:
    calls = ran.calls.get(name, 0)
    if not calls:
        raise OptionError(
            f"layer: {name} does not run in evaluation, so it sees nothing. Choose a "
            "layer that does."
        )
    if calls > 1:
        raise OptionError(
            f"layer: {name} runs {calls} times for one input, so it has no map of its "
            "own. Name a layer that runs once."
        )
    shape = ran.shapes[name]
    if not _is_map(shape):
        came = "no tensor of floating point" if shape is None else shape
        maps = [each for each in ran.shapes if _is_map(ran.shapes[each])]
        raise OptionError(
            f"layer: {name} ({kind}) returns {came}, which is no map of the image. "
            f"Choose a layer that returns one of four axes, such as "
            f"{_checks.cut(maps[-1:]) or 'a convolution'}."
        )


def _is_map(shape: tuple[int, ...] | None) -> bool:
    return shape is not None and len(shape) == MAP_DIMS and 0 not in shape


def _size(shape: tuple[int, ...] | None, data_format: str) -> tuple[int, int]:
    """Return the rows and columns of a map."""
    _, *sides = shape or ()
    first, second = sides[:2] if data_format == "channels_last" else sides[1:]
    return first, second
