"""Which class builds which card."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, TypeVar

import torch

from foveate import catalog
from foveate.blocks._base import Block
from foveate.blocks._fusion import Fusion

__all__ = ["CLASSES", "block_class", "create", "register"]

BlockClass = TypeVar("BlockClass", bound=type[Block] | type[Fusion])

CLASSES: dict[str, type[Block] | type[Fusion]] = {}
"""Every class of a block or fusion by its name in the catalogue."""


def register(name: str) -> Callable[[BlockClass], BlockClass]:
    """Return a decorator that makes a class the builder of the card ``name``."""
    card = catalog.card(name)

    def add(cls: BlockClass) -> BlockClass:
        CLASSES[card.name] = cls
        return cls

    return add


def block_class(name: str) -> type[Block] | type[Fusion]:
    """Return the class of a block or fusion, by its name, an alias or a variant.

    Raises:
        UnknownNameError: The catalogue has no such name.
    """
    return CLASSES[catalog.card(name).name]


def create(
    name: str,
    channels: int | None,
    *,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
    **options: Any,
) -> Block | Fusion:
    """Return a new block, or a new fusion.

    ``functools.partial(fv.create, "se")`` works wherever a callable from channels to a
    module is taken, such as timm's ``attn_layer``.

    Args:
        name: A name of the catalogue, an alias, or a variant such as ``cbam.keras``.
        channels: Channels of the feature map; blocks that do not care take None.
        device: Where its parameters are made; torch's default if not given.
        dtype: Their type; torch's default if not given.
        **options: Options of the block; ``fv.card(name).options`` lists them.

    Raises:
        UnknownNameError: The catalogue has no such name; near names are offered.
        UnknownOptionError: The block has no such option; near names are offered.
        OptionError: A value cannot work; the message says what would.

    Example:
        >>> import torch
        >>> block = create("se", 64, reduction=8)
        >>> block(torch.randn(2, 64, 7, 5)).shape
        torch.Size([2, 64, 7, 5])
    """
    cls: Callable[..., Block | Fusion] = block_class(name)
    chosen = catalog.options_of(name, options)
    with contextlib.nullcontext() if device is None else torch.device(device):
        block = cls(channels, **chosen)
    return block.to(dtype=dtype)
