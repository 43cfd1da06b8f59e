"""Make the blocks that go into a Keras model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from foveate import _traces, catalog
from foveate.errors import FoveateError, OptionError, SiteError
from foveate.keras._choosing import unknown_sides
from foveate.keras._formats import Shape
from foveate.keras._fusion import Fusion
from foveate.keras._graft import Graft
from foveate.keras._registry import create, layer_class
from foveate.keras._stages import size_of
from foveate.keras._survey import Step, Survey
from foveate.records import Site, Start

__all__ = ["BlockLike", "Choice", "check_choice", "new_grafts"]

BlockLike = str | Callable[..., keras.layers.Layer]
"""A block by its name, or what returns a new layer when called with the options."""


@dataclass(frozen=True)
class Choice:
    """Which block, with which options, and how it begins."""

    block: BlockLike
    start: Start
    options: Mapping[str, Any]


def check_choice(choice: Choice) -> None:
    """Raise unless it is a block that has these options and can begin so.

    Raises:
        UnknownNameError: There is no such block.
        UnknownOptionError: It has no such option; near names are offered.
        OptionError: It is a fusion or no block, or cannot begin so.
    """
    starts: tuple[Start, ...] = ("identity", "paper")
    block: Any = choice.block
    name = getattr(block, "__name__", type(block).__name__)
    if isinstance(block, str):
        if issubclass(layer_class(block), Fusion):
            raise OptionError(
                f"{block!r} is a fusion of several maps, and a site has one. Blocks of "
                f"one map: {', '.join(_single())}."
            )
        catalog.options_of(block, dict(choice.options))
        name, starts = block, catalog.starts_of(block)
    elif isinstance(block, keras.layers.Layer) or not callable(block):
        raise OptionError(
            f"expected the name of a block or its class, got {block!r} "
            f"({type(block).__name__}). Each site gets a block of its own: give the "
            "class, not an object of it."
        )
    if choice.start not in starts:
        raise OptionError(
            f"{name} cannot start as {choice.start!r}: its output is not only its "
            "input times gates that can be set to one. Use "
            f"start={' or '.join(map(repr, starts))}."
        )


def new_grafts(
    seen: Survey, chosen: Sequence[Site], choice: Choice
) -> dict[str, list[Graft]]:
    """Return new blocks for each chosen layer, one for each of its maps.

    Raises:
        SiteError: A block does not fit; the message says where and why.
        OptionError: A block is bound to a size of map, and that is not known.
    """
    steps = seen.by_path()
    names = set(steps)
    after: dict[str, list[Graft]] = {}
    for site in chosen:
        calls = steps[site.path]
        if _asks_for_size(choice) and not site.outputs:
            start = f"graft: {choice.block} is made for one size of map, "
            raise unknown_sides(seen, start)
        try:
            after[site.path] = [
                _new_graft(choice, calls, place, names)
                for place in range(len(calls[0].returns))
            ]
        except FoveateError as problem:
            raise SiteError(f"{site.path}: {problem}") from problem
    return after


def _new_graft(
    choice: Choice, calls: Sequence[Step], place: int, names: set[str]
) -> Graft:
    """Return a block as it begins, under a name that is free in its model."""
    first = calls[0]
    layer = _new_block(choice, calls, place)
    name = choice.block if isinstance(choice.block, str) else type(layer).__name__
    number = f"_{place}" if len(first.returns) > 1 else ""
    wanted = f"{first.path}_{name.replace('.', '_')}{number}"
    path, count = wanted, 1
    while path in names:
        count += 1
        path = f"{wanted}_{count}"
    names.add(path)
    graft = Graft(
        layer,
        block_name=name,
        start=choice.start,
        site=first.path.rpartition("/")[2],
        map=place,
        data_format=first.data_format,
        name=path.rpartition("/")[2],
        dtype=_policy_for(first, place),
    )
    graft.build(_shape(calls, place))
    return graft


def _new_block(choice: Choice, calls: Sequence[Step], place: int) -> keras.layers.Layer:
    block, options = choice.block, dict(choice.options)
    channels, height, width = size_of(calls[0], place)
    if isinstance(block, str):
        if catalog.card(block).sized:
            options = {"spatial_size": (height, width)} | options
        return create(
            block,
            channels,
            data_format=calls[0].data_format,
            dtype=_policy_for(calls[0], place),
            name=block.replace(".", "_"),
            **options,
        )
    try:
        layer = block(**options)
    except FoveateError:
        raise
    except Exception as problem:
        raise OptionError(
            f"{block!r} makes no layer with options {options!r}: "
            f"{_traces.seen(problem)}."
        ) from problem
    if not isinstance(layer, keras.layers.Layer):
        raise OptionError(
            f"{block!r} must return a new Keras layer, got {layer!r} "
            f"({type(layer).__name__})."
        )
    return layer


def _asks_for_size(choice: Choice) -> bool:
    if not isinstance(choice.block, str) or "spatial_size" in choice.options:
        return False
    return catalog.card(choice.block).sized


def _policy_for(step: Step, place: int) -> str:
    """Return the dtype policy of a block for one of the maps of a layer."""
    dtype = keras.backend.standardize_dtype(step.returns[place].dtype)
    half = dtype in ("float16", "bfloat16")
    kept = getattr(step.layer, "variable_dtype", "float32")
    return f"mixed_{dtype}" if half and kept != dtype else dtype


def _shape(calls: Sequence[Step], place: int) -> Shape:
    """Return the shape of a map, None for sides that are not the same in all calls."""
    shapes = [step.returns[place].shape for step in calls]
    sides = [set(sides) for sides in zip(*shapes, strict=True)]
    return tuple(side.pop() if len(side) == 1 else None for side in sides)


def _single() -> list[str]:
    fusions = catalog.names(kind="fusion")
    return [name for name in catalog.names() if name not in fusions]
