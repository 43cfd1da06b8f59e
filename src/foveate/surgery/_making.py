"""Make the blocks of a place."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from foveate import _loading, _traces, blocks, catalog
from foveate.errors import FoveateError, OptionError, ShapeError
from foveate.records import MapShape, Place, Start

__all__ = ["BlockLike", "check_block", "check_choice", "make_block", "name_of"]

BlockLike = str | Callable[..., nn.Module]
"""A block by its name, or a class that takes channels first."""


def name_of(block: BlockLike) -> str:
    """Return what a plan calls a block: its name, or where its class is found.

    Raises:
        UnknownNameError: There is no block of that name.
        OptionError: It is a fusion, or a class or function that no file could name.
    """
    if isinstance(block, str):
        if ":" in block:
            # refused here, once, and not anew at every site
            _loading.load(block)
        elif issubclass(blocks.block_class(block), blocks.Fusion):
            raise OptionError(
                f"{block!r} is a fusion of several maps, and a site has one. Blocks of "
                f"one map: {', '.join(_single())}."
            )
        return block
    if isinstance(block, nn.Module) or not callable(block):
        raise OptionError(
            f"expected the name of a block or its class, got {block!r} "
            f"({type(block).__name__}). Each site gets a block of its own: give the "
            "class, not an object of it."
        )
    module = getattr(block, "__module__", "")
    name = getattr(block, "__qualname__", "")
    if not name or "<" in name or _found(module, name) is not block:
        raise OptionError(
            f"{block!r} cannot be written into a plan, as it stands in no module under "
            "a name. Define it at the top of a module and give its options as options=."
        )
    return f"{module}:{name}"


def make_block(place: Place, shape: MapShape) -> nn.Module:
    """Return a new block for one map of a place.

    Raises:
        UnknownNameError: There is no such block.
        UnknownOptionError: It has no such option.
        OptionError: It does not fit.
    """
    options: dict[str, Any] = dict(place.options)
    if place.is_ours:
        if catalog.card(place.block).sized:
            options = {"spatial_size": (shape.height, shape.width)} | options
        make: Callable[[int], nn.Module] = partial(
            blocks.create, place.block, **options
        )
    else:
        make = partial(_users, place.block, options)
    block = make(shape.channels)
    if not isinstance(block, nn.Module):
        raise OptionError(
            f"{place.block} must make a torch.nn.Module from {shape.channels} "
            f"channels, got {block!r} ({type(block).__name__})."
        )
    return block


def check_block(place: Place) -> None:
    """Raise unless a block fits every map of its place and keeps their shapes.

    A block of the catalogue is tried without memory, on the meta device; one of the
    user's on zeros.

    Raises:
        FoveateError: It does not; the message says why.
    """
    device = "meta" if place.is_ours else "cpu"
    for shape in place.maps:
        with torch.device(device), torch.random.fork_rng(devices=[]), torch.no_grad():
            block = make_block(place, shape).eval()
            x = torch.zeros(2, shape.channels, shape.height, shape.width)
            answer = block(x) if place.is_ours else _tried(place.block, block, x)
        if not isinstance(answer, Tensor) or answer.shape != x.shape:
            seen = tuple(answer.shape) if isinstance(answer, Tensor) else answer
            raise ShapeError(
                f"{place.block} must return the shape that it gets, {tuple(x.shape)}, "
                f"and returns {seen}."
            )


def check_choice(name: str, start: Start, options: Mapping[str, Any]) -> None:
    """Raise unless the block has these options and can begin as ``start`` says.

    Raises:
        UnknownNameError: There is no such block.
        UnknownOptionError: It has no such option; near names are offered.
        OptionError: It cannot begin so, or an option is no plain value.
    """
    for option, value in options.items():
        if not _is_plain(value):
            raise OptionError(
                f"{name}: option {option} must be a plain value that a file can hold "
                "(a number, text, true or false, or a list of whole numbers or texts), "
                f"got {value!r}."
            )
    if ":" in name:
        starts: tuple[Start, ...] = ("identity", "paper")
    else:
        catalog.options_of(name, dict(options))
        starts = catalog.starts_of(name)
    if start not in starts:
        raise OptionError(
            f"{name} cannot start as {start!r}: its output is not only its input times "
            f"gates that can be set to one. Use start={' or '.join(map(repr, starts))}."
        )


def _is_plain(value: Any) -> bool:
    """Return whether a place can have ``value`` for an option."""
    if isinstance(value, list | tuple):
        return any(all(isinstance(item, kind) for item in value) for kind in (int, str))
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, bool | int | str)


def _tried(name: str, block: nn.Module, x: Tensor) -> Any:
    try:
        return block(x)
    except FoveateError:
        raise
    except Exception as problem:
        raise ShapeError(
            f"{name} does not run with a map {tuple(x.shape)}: {_traces.seen(problem)}."
        ) from problem


def _users(name: str, options: Mapping[str, Any], channels: int) -> nn.Module:
    """Return a new block of the user's."""
    found: Callable[..., nn.Module] = _loading.load(name)
    try:
        return found(channels, **options)
    except FoveateError:
        raise
    except Exception as problem:
        raise OptionError(
            f"{name} cannot be made for {channels} channels with options "
            f"{dict(options)!r}: {_traces.seen(problem)}."
        ) from problem


def _found(module: str, name: str) -> Any:
    try:
        found: Any = importlib.import_module(module)
        for step in name.split("."):
            found = getattr(found, step)
    except (ImportError, AttributeError):
        return None
    return found


def _single() -> list[str]:
    fusions = catalog.names(kind="fusion")
    return [name for name in catalog.names() if name not in fusions]
