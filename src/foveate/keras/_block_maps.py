"""Gather what the blocks of a Keras model look at, image after image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from inspect import signature
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from foveate import _checks
from foveate.keras._base import CatalogueLayer
from foveate.keras._gradients import without_gradients
from foveate.keras._model_formats import holders_of
from foveate.keras._numbers import Tensor
from foveate.keras._parts import parts_of, run, telling
from foveate.keras._targets import array_of
from foveate.pictures.block_maps import BlockMaps
from foveate.pictures.gathered import Gathered
from foveate.pictures.places import Query, at_place, middle_of, place_of
from foveate.pictures.views import views_of

__all__ = ["BlockGathering", "blocks_of"]

BRANCH_DIMS = 5


def blocks_of(model: keras.Model) -> dict[str, CatalogueLayer]:
    """Return the blocks and fusions of a model by name, those within others left out.

    A block that was grafted has the name of its graft.
    """
    return {name: block for name, block, _ in _found(model)}


class BlockGathering:
    """What the blocks of a model look at, gathered image after image."""

    def __init__(self, model: keras.Model) -> None:
        self._model = model
        self._blocks = blocks_of(model)
        grafts = [(name, graft) for name, _, graft in _found(model)]
        self._closed = [name for name, graft in grafts if _is_closed(graft)]
        self._opened = [name for name, graft in grafts if _is_opened(graft)]
        self._gathered = Gathered()
        self._query: Query = (0.5, 0.5)
        self._said: dict[str, None] = {}
        self._ran: Counter[str] = Counter()
        self._ever: set[str] = set()
        self._busy = False

    def add(self, x: Tensor, query: Query | None = None) -> None:
        """Run the model on a batch of images."""
        self._query = place_of(query)
        self._gathered.begin(len(x))
        self._ran.clear()
        with telling(self._blocks, self._tell), without_gradients():
            run(self._model, x)

    def finish(self) -> BlockMaps:
        """Return what was gathered."""
        return self._gathered.maps(tuple(self._remarks()))

    def _remarks(self) -> Iterator[str]:
        if not self._blocks:
            yield (
                f"{self._model.name} has no blocks of ours. Graft one: "
                "foveate.keras.graft(model, 'cbam', at=...)."
            )
        if self._closed:
            yield (
                f"{_checks.cut(self._closed, most=4)}: not let in yet: the amount of "
                "the blend is 0, so the model computes what it would without it, "
                "whatever the maps show."
            )
        if self._opened:
            yield (
                f"{_checks.cut(self._opened, most=4)}: multiplied by 2 for each gate "
                "(start='gate'), so that a gate of one half changes nothing."
            )
        idle = [name for name in self._blocks if name not in self._ever]
        if idle:
            yield f"{_checks.cut(idle, most=4)}: did not run on these images."
        yield from self._said

    def _tell(self, name: str, given: tuple[Any, ...], output: Any) -> Any:
        # the maps of a block may be made by running it
        if not self._busy:
            self._busy = True
            try:
                self._see(name, given[0])
            finally:
                self._busy = False
        return output

    def _see(self, name: str, x: Any) -> None:
        self._ran[name] += 1
        self._ever.add(name)
        number = self._ran[name]
        where = name if number == 1 else f"{name} (call {number})"
        block = self._blocks[name]
        first = x[0] if isinstance(x, list | tuple) else x
        if first.shape[0] != self._gathered.batch:
            self._said[
                f"{where}: left out, as there are more or fewer maps than images, so "
                "that none belongs to an image."
            ] = None
            return
        maps, place = _maps(block, x, first, self._query)
        whose = f"{where} ({block.owner})"
        views = views_of(maps, block.built_channels, whose, _mean)
        for unknown in views.unknown:
            text = (
                f"{whose}: map {unknown} left out, as it is not known how to show it."
            )
            self._said[text] = None
        self._gathered.keep(where, block.owner, views, place)


def _found(model: keras.Model) -> Iterator[tuple[str, CatalogueLayer, Any]]:
    """Give name, block and graft, if any, of what stands within no other block."""
    parts = parts_of(model)
    for name, part in parts.items():
        if not isinstance(part, CatalogueLayer):
            continue
        holders = [parts.get(path) for path in holders_of(name)]
        if any(isinstance(holder, CatalogueLayer) for holder in holders):
            continue
        above = name.rpartition("/")[0]
        graft = parts.get(above)
        is_grafted = graft is not None and getattr(graft, "block", None) is part
        yield (above, part, graft) if is_grafted else (name, part, None)


def _is_closed(graft: Any) -> bool:
    """Return whether a graft lets nothing of its block through."""
    amount = getattr(graft, "amount", None)
    return isinstance(amount, keras.Variable) and not np.any(array_of(amount))


def _is_opened(graft: Any) -> bool:
    """Return whether what a graft returns is multiplied, so that it starts open."""
    return getattr(graft, "start", None) == "gate"


def _maps(
    block: Any, x: Any, first: Tensor, query: Query
) -> tuple[Mapping[str, NDArray[np.floating]], Query | None]:
    """Return the maps of a block with channels first, and the place that looks."""
    is_last = block.data_format == "channels_last"
    more, middle = {}, None
    if "query" in signature(block.maps).parameters:
        size = first.shape[1:3] if is_last else first.shape[2:4]
        place = at_place(query, size)
        more, middle = {"query": place}, middle_of(place, size)
    maps = {
        name: _ordered(name, value, block.data_format)
        for name, value in block.maps(x, **more).items()
    }
    return maps, middle


def _ordered(name: str, value: Tensor, data_format: str) -> NDArray[np.floating]:
    """Return one map of a block with channels before height and width."""
    values = array_of(ops.convert_to_tensor(value))
    if data_format == "channels_first" or name == "attention":
        return values
    if values.ndim == BRANCH_DIMS:
        return values.transpose(0, 1, 4, 2, 3)
    return values.transpose(0, 3, 1, 2)


def _mean(values: NDArray[np.floating], axes: tuple[int, ...]) -> NDArray[np.floating]:
    mean: NDArray[np.floating] = values.mean(axis=axes)
    return mean
