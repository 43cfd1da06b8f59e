"""Where channels stand in the images of a model and in the maps of its layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import keras

from foveate.keras._formats import DataFormat, format_by_colours, format_said_by
from foveate.keras._parts import Part, steps_of

__all__ = ["format_of_images", "format_of_layer", "holders_of"]


def format_of_images(model: keras.Model) -> DataFormat:
    """Return where channels stand in the images of a model.

    The shape of its input says so, where only one axis has as few values as an image
    has colours; else the first of its layers that has an order.
    """
    inputs = getattr(model, "inputs", None)
    if inputs and (order := format_by_colours(inputs[0].shape)):
        return order
    orders = map(format_said_by, steps_of(model).values())
    return next((order for order in orders if order), _usual())


def format_of_layer(
    model: keras.Model, parts: Mapping[str, Part], name: str
) -> DataFormat:
    """Return where channels stand in the maps of a layer.

    What neither the layer nor one that holds it says is that of the layer before it.

    Args:
        model: The model.
        parts: Its layers by name, in their order; ``name`` is among them.
        name: The layer.
    """
    for path in (name, *holders_of(name)):
        if order := format_said_by(parts.get(path)):
            return order
    names = list(parts)
    for path in reversed(names[: names.index(name)]):
        if order := format_said_by(parts[path]):
            return order
    return format_of_images(model)


def holders_of(name: str) -> Iterator[str]:
    """Give the names of what holds a layer, the nearest first.

    Example:
        >>> list(holders_of("backbone/layer1_0/conv1"))
        ['backbone/layer1_0', 'backbone']
    """
    while "/" in name:
        name = name.rpartition("/")[0]
        yield name


def _usual() -> DataFormat:
    order: DataFormat = keras.config.image_data_format()
    return order
