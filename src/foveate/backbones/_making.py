"""Options that name a block, or give what makes one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from torch import nn

from foveate import blocks, catalog
from foveate.errors import OptionError

__all__ = ["NameOrMaker", "is_fusion", "made", "maker"]

NameOrMaker = str | Callable[[int], nn.Module]
"""A block or fusion by its name, or what makes one from a number of channels."""


def maker(
    owner: str,
    making: NameOrMaker | None,
    options: Mapping[str, Any] | None,
    *,
    option: str,
    each: str,
) -> Callable[[int], nn.Module]:
    """Return what makes a block from a number of channels.

    Args:
        owner: Whom a message names.
        making: The value of an option of its constructor.
        options: Options of the block, if ``making`` is a name.
        option: The name of that option.
        each: What gets a block of its own.

    Raises:
        UnknownNameError: No block has that name.
        UnknownOptionError: The block has no such option.
        OptionError: ``making`` is neither a name nor makes a block, or there are
            options without a name.
    """
    if isinstance(making, str):
        catalog.options_of(making, dict(options or {}))
        return partial(blocks.create, making, **(options or {}))
    if options:
        raise OptionError(
            f"{owner}: {option}_options go with the name of a block, "
            f"got {dict(options)!r} with {option}={making!r}. Give the name, or "
            "set them in the callable: functools.partial."
        )
    if isinstance(making, nn.Module) or not callable(making):
        raise OptionError(
            f"{owner}: {option} must be the name of a block, or take channels and "
            f"return a module, got {making!r} ({type(making).__name__}). Each {each} "
            "gets one of its own: give the class, not an object of it."
        )
    return making


def made(
    site: str, make: Callable[[int], nn.Module], channels: int, *, option: str
) -> nn.Module:
    """Return a new module for ``site``.

    Raises:
        OptionError: The block does not fit; the message begins with the site.
    """
    try:
        module = make(channels)
    except OptionError as problem:
        raise OptionError(f"{site}: {problem}") from problem
    if not isinstance(module, nn.Module):
        raise OptionError(
            f"{site}: {option} must make a torch.nn.Module from {channels} channels, "
            f"got {module!r} ({type(module).__name__})."
        )
    return module


def is_fusion(name: str) -> bool:
    """Return whether a name of the catalogue is that of a fusion.

    Raises:
        UnknownNameError: The catalogue has no such name.
    """
    return issubclass(blocks.block_class(name), blocks.Fusion)
