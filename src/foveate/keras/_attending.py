"""Attention of residual blocks: by its name, a layer, or what makes one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import keras

from foveate import catalog
from foveate._networks import Place
from foveate.errors import OptionError
from foveate.keras._base import CatalogueLayer
from foveate.keras._formats import MapFormat
from foveate.keras._fusion import Fusion
from foveate.keras._registry import create, layer_class

__all__ = ["LayerOrMaker", "build_on", "check_named", "made", "named", "usual_place"]

LayerOrMaker: TypeAlias = str | keras.layers.Layer | Callable[[int], keras.layers.Layer]
"""A block by its name, a layer, or what makes one from a number of channels."""


def check_named(
    owner: str, attention: LayerOrMaker | None, options: Mapping[str, Any] | None
) -> None:
    """Raise an error unless the name is that of a block with such options.

    Raises:
        UnknownNameError: No block has that name.
        UnknownOptionError: The block has no such option.
        OptionError: ``attention`` is a fusion, or there are options without a name.
    """
    if isinstance(attention, str):
        catalog.options_of(attention, dict(options or {}))
        if issubclass(layer_class(attention), Fusion):
            raise OptionError(
                f"{owner}: attention takes one map, but {attention!r} is a fusion of "
                "several. Call foveate.keras.create on it, and the layer on a list."
            )
    elif options:
        raise OptionError(
            f"{owner}: attention_options go with the name of a block, got "
            f"{dict(options)!r} with attention={attention!r}. Give the name, or set "
            "them in the callable: functools.partial."
        )


def named(
    attention: str, options: Mapping[str, Any] | None, dtype: Any
) -> CatalogueLayer:
    """Return a new layer for maps with channels last."""
    return create(
        attention,
        name="attention",
        data_format="channels_last",
        dtype=dtype,
        **(options or {}),
    )


def made(
    site: str, make: Callable[[int], keras.layers.Layer], channels: int
) -> keras.layers.Layer:
    """Return a new layer for ``site``.

    Raises:
        OptionError: It does not fit; the message begins with the site.
    """
    try:
        layer = make(channels)
    except OptionError as problem:
        raise OptionError(f"{site}: {problem}") from problem
    if not isinstance(layer, keras.layers.Layer):
        raise OptionError(
            f"{site}: attention must make a Keras layer from {channels} channels, got "
            f"{layer!r} ({type(layer).__name__})."
        )
    return layer


def usual_place(attention: keras.layers.Layer) -> Place:
    """Return where its authors put a block in a residual block."""
    place: Place = getattr(attention, "residual_place", "branch_end")
    return place


def build_on(
    site: str, attention: keras.layers.Layer, channels: int, order: MapFormat
) -> None:
    """Create the variables of a layer, for maps of so many channels.

    Raises:
        OptionError: It does not fit; the message begins with the site.
    """
    if attention.built:
        return
    shape = order.shape(None, None, None, channels)
    if not isinstance(attention, CatalogueLayer):
        # a layer of another kind may have parts that are built when it is called
        attention(keras.KerasTensor(shape, dtype=attention.compute_dtype))
        return
    try:
        attention.build(shape)
    except OptionError as problem:
        raise OptionError(f"{site}: {problem}") from problem
