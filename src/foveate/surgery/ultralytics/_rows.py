"""Blocks as rows of a YAML of Ultralytics."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from foveate import _checks, blocks, catalog
from foveate.errors import MissingExtraError, OptionError

__all__ = ["register"]

ROW = "foveate_block"
"""What marks a class of ours among the layers of Ultralytics."""

FEWEST, MOST = 2, 3
"""How many arguments a row has: ``ch``, ``f`` and maybe options."""


def register(prefix: str = "Fv") -> dict[str, str]:
    """Let rows of an Ultralytics YAML name the blocks of the catalogue.

    Afterwards ``[-1, 1, FvCBAM, [ch, f]]`` is a layer with a CBAM, and
    ``[-1, 1, FvCBAM, [ch, f, {reduction: 8}]]`` one with options. ``ch`` and ``f``
    stand there as they are: Ultralytics puts its list of channels and the row's origin
    in their place, so channels are inferred, whatever the scale of the model. Call it
    in each process that makes a model from such a YAML; one that only reads a
    checkpoint needs none, as that holds the blocks themselves.

    A row shifts the numbers of all later rows, and pretrained weights are found by
    these numbers. To keep them, graft instead.

    Blocks that are bound to one size of map are left out, as no row knows sizes, and so
    are fusions.

    Args:
        prefix: Stands before the name of each block's class. Ultralytics has a CBAM of
            its own, and no name of its is ever replaced.

    Returns:
        The names for rows, each with the name of its block in the catalogue.

    Raises:
        MissingExtraError: Ultralytics is not installed.
        OptionError: A name is taken already, or could be no name of a class.

    """
    if not isinstance(prefix, str):
        raise OptionError(
            f"register: prefix must be text, got {prefix!r}. Use 'Fv', say."
        )
    tasks, modules = _ultralytics()
    rows = {
        prefix + blocks.block_class(name).__name__: name for name in _without_size()
    }
    odd = [name for name in rows if not name.isidentifier()]
    if odd:
        raise OptionError(
            f"register: prefix={prefix!r} makes {odd[0]!r}, which is no name. Use "
            "letters, digits and _, such as prefix='Fv'."
        )
    taken = [name for name in rows if _is_taken(name, tasks, modules)]
    if taken:
        raise OptionError(
            f"register: with prefix={prefix!r}, Ultralytics has "
            f"{_checks.cut(taken)} already. Use another prefix, such as 'Fv'."
        )
    for name, block in rows.items():
        setattr(tasks, name, _row(name, block))
    return rows


def _without_size() -> list[str]:
    fusions = catalog.names(kind="fusion")
    return [
        name
        for name in catalog.names()
        if name not in fusions and not catalog.card(name).sized
    ]


def _ultralytics() -> tuple[Any, Any]:
    try:
        return (
            importlib.import_module("ultralytics.nn.tasks"),
            importlib.import_module("ultralytics.nn.modules"),
        )
    except ModuleNotFoundError as problem:
        raise MissingExtraError(
            f"register: cannot import Ultralytics ({problem}). Install it with: "
            "pip install ultralytics"
        ) from problem


def _is_taken(name: str, *modules: Any) -> bool:
    found = [getattr(module, name) for module in modules if hasattr(module, name)]
    return any(not hasattr(each, ROW) for each in found)


def _row(name: str, block: str) -> type[nn.Module]:
    """Return a class that makes a block from the arguments of a row."""

    def new(_: type, *arguments: Any) -> nn.Module:
        channels, options = _read(name, arguments)
        return blocks.create(block, channels, **options)

    # what it makes is the block itself, so that a checkpoint names no class of a row
    return type(
        name, (nn.Module,), {"__new__": new, "__module__": __name__, ROW: block}
    )


def _read(name: str, arguments: Sequence[Any]) -> tuple[int, dict[str, Any]]:
    """Return channels and options of a row.

    Raises:
        OptionError: Its arguments are not ``ch``, ``f`` and maybe options.
    """
    seen = list(arguments)
    if FEWEST <= len(seen) <= MOST and isinstance(seen[0], list):
        channels, source, options = (*seen, {})[:MOST]
        if isinstance(source, int) and isinstance(options, Mapping):
            return channels[source], dict(options)
    shown = ", ".join("ch" if isinstance(v, list) else repr(v) for v in seen)
    raise OptionError(
        f"{name}: the arguments of its row must be [ch, f], as they stand, or "
        f"[ch, f, {{option: value}}], got [{shown}]. Write [-1, 1, {name}, [ch, f]]."
    )
