"""Which layer builds which card."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import keras

from foveate import catalog
from foveate.errors import UnknownNameError
from foveate.keras._base import CatalogueLayer

__all__ = ["LAYERS", "create", "layer_class", "register"]

LayerClass = TypeVar("LayerClass", bound=type[CatalogueLayer])

LAYERS: dict[str, type[CatalogueLayer]] = {}
"""Every class of a layer by its name in the catalogue."""

LAST_KEYWORDS = {"data_format": None, "name": None, "dtype": None, "trainable": True}
"""What every layer takes beside its options, with the defaults."""


def register(name: str) -> Callable[[LayerClass], LayerClass]:
    """Return a decorator that makes a class the Keras layer of the card ``name``.

    Its signature and the part of its help that lists options are written from the card.
    """
    card = catalog.card(name)

    def add(cls: LayerClass) -> LayerClass:
        cls.card = card
        cls.__signature__ = _signature(card)
        cls.__doc__ = _described(inspect.getdoc(cls) or "", card)
        LAYERS[card.name] = cls
        # so that a model that holds it can be loaded without naming it
        added: LayerClass = keras.saving.register_keras_serializable("foveate")(cls)
        return added

    return add


def layer_class(name: str) -> type[CatalogueLayer]:
    """Return the layer of a block or fusion, by its name, an alias or a variant.

    Raises:
        UnknownNameError: The catalogue has no such name, or no layer for it.
    """
    card = catalog.card(name)
    try:
        return LAYERS[card.name]
    except KeyError:
        raise UnknownNameError(
            f"{card.name} has no Keras layer yet, only a PyTorch module: "
            f"fv.create({card.name!r}, ...)."
        ) from None


def create(
    block: str, channels: int | None = None, /, **options: Any
) -> CatalogueLayer:
    """Return a new layer: a block, or a fusion.

    Args:
        block: A name of the catalogue, an alias, or a variant such as ``cbam.keras``.
        channels: Channels of the feature map; None: those of its first input.
        **options: Options of the block, as ``fv.card(block).options`` lists them, and
            ``data_format``, ``name``, ``dtype`` and ``trainable``.

    Raises:
        UnknownNameError: The catalogue has no such name; near names are offered.
        UnknownOptionError: The block has no such option; near names are offered.
        OptionError: A value cannot work; the message says what would.

    Example:
        >>> import numpy as np
        >>> layer = create("se", reduction=8)
        >>> tuple(layer(np.ones((2, 7, 5, 64), "float32")).shape)
        (2, 7, 5, 64)
    """
    own = {name: options.pop(name) for name in LAST_KEYWORDS if name in options}
    cls: Callable[..., CatalogueLayer] = layer_class(block)
    return cls(channels, **own, **catalog.options_of(block, options))


def _signature(card: catalog.Card) -> inspect.Signature:
    keyword = inspect.Parameter.KEYWORD_ONLY
    first = inspect.Parameter(
        "channels", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None
    )
    options = [
        inspect.Parameter(option.name, keyword, default=option.default)
        for option in card.options
    ]
    rest = [
        inspect.Parameter(name, keyword, default=default)
        for name, default in LAST_KEYWORDS.items()
    ]
    return inspect.Signature([first, *options, *rest])


def _described(doc: str, card: catalog.Card) -> str:
    """Return a docstring with its options, and its source, after the first lines."""
    paper = card.paper
    options = (f"    {option.name}: {option.meaning}" for option in card.options)
    return "\n".join(
        (
            doc.rstrip(),
            "",
            "Args:",
            "    channels: Those of the feature map; None: those of its first input.",
            *options,
            "    data_format: ``channels_last`` or ``channels_first``; None: as Keras.",
            "    name: Of the layer.",
            "    dtype: Its dtype policy, also that of all layers within.",
            "    trainable: Whether its variables are trained.",
            "",
            f"Source: {paper.authors} ({paper.year}), {paper.link}",
        )
    )
