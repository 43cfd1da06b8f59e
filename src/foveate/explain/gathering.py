"""Gather what the blocks of a network look at, image after image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from foveate.errors import OptionError
from foveate.explain._calls import Call, check_images, run_watched
from foveate.explain._effective import CHANNEL, SPATIAL, effect_of
from foveate.explain._network import network_of
from foveate.explain._remarks import Remarks
from foveate.explain._tables import table_of
from foveate.explain._views import Heat, Views, views_of
from foveate.pictures.heat_map import HeatMap
from foveate.pictures.seen import AttentionTable, Branches, ChannelGates
from foveate.surgery.attention import LayerSelector, find_attention

__all__ = ["BlockGathering", "BlockMaps", "Query", "place_of"]

Numbers = NDArray[np.float32]

Query = tuple[float, float]
"""Row and column as shares of height and width."""

MOST_TABLES = 2**26
"""The most numbers of all attention tables of one look: 256 MiB."""


@dataclass(frozen=True, eq=False)
class BlockMaps:
    """What the blocks of a network look at in some images.

    Attributes:
        looked: Of each image its heat maps, in the order in which the network runs the
            blocks.
        gates: By what blocks multiply each channel, image by image. NaN where a gate
            was measured and the channel was 0, so that it has none.
        branches: How blocks and fusions share out their branches.
        tables: Where several places of an image look, in pairwise blocks.
        said: What one should know of them, in sentences.
    """

    looked: tuple[tuple[HeatMap, ...], ...]
    gates: tuple[ChannelGates, ...] = ()
    branches: tuple[Branches, ...] = ()
    tables: tuple[AttentionTable, ...] = ()
    said: tuple[str, ...] = ()


@final
class BlockGathering:
    """What the blocks of a network look at, gathered image after image.

    It is for images that come one by one, each perhaps with a place of its own that
    looks; ``block_maps`` takes them all at once, and says what the arguments mean.

    Example:
        >>> import torch, foveate as fv
        >>> host = fv.backbones.resnet10(width=16, attention="se").eval()
        >>> gathering = BlockGathering(host, at="layer4")
        >>> for size in (32, 48):
        ...     gathering.add(torch.rand(1, 3, size, 64))
        >>> gathering.finish().gates[0].values.shape
        (2, 128)
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        table_places: int = 0,
        at: LayerSelector | Sequence[LayerSelector] | None = None,
    ) -> None:
        if type(table_places) is not int or table_places < 0:
            raise OptionError(
                "block_maps: table_places must be a whole number, 0 or more, got "
                f"{table_places!r}."
            )
        self._network = network_of(model)
        self._found = find_attention(self._network, at)
        self._table_places = table_places
        self._room = MOST_TABLES
        self._heat: list[list[HeatMap]] = []
        self._batch = 0
        self._query: Query = (0.5, 0.5)
        self._gates: dict[tuple[str, str, str], list[Numbers]] = {}
        self._branches: dict[tuple[str, str], list[Numbers]] = {}
        self._tables: list[AttentionTable] = []
        self._remarks = Remarks()

    def add(self, x: Tensor, *, query: Query | None = None) -> None:
        """Run the network on a batch of images, ``(N, C, H, W)``."""
        check_images(x, "block_maps")
        self._query = place_of(query)
        self._batch = x.shape[0]
        self._heat += [[] for _ in range(self._batch)]
        if self._found:
            run_watched(self._network, x, self._found, self._see)

    def finish(self) -> BlockMaps:
        """Return what was gathered.

        Raises:
            OptionError: There was no image.
        """
        if not self._heat:
            raise OptionError("block_maps: expected one image or more, got none.")
        hidden = self._remarks.hidden()
        for (where, block, _), rows in self._gates.items():
            self._remarks.count(f"{where} ({block})", rows, len(self._heat))
        looked = tuple(
            tuple(heat for heat in heats if (heat.where, heat.source) not in hidden)
            for heats in self._heat
        )
        gates = tuple(
            ChannelGates(where, block, source, np.concatenate(rows))
            for (where, block, source), rows in self._gates.items()
            if (where, source) not in hidden
        )
        branches = tuple(
            Branches(where, block, np.concatenate(rows))
            for (where, block), rows in self._branches.items()
        )
        said = self._remarks.sentences(type(self._network).__name__, self._found)
        return BlockMaps(looked, gates, branches, tuple(self._tables), said)

    def _see(self, call: Call) -> None:
        self._remarks.ran(call)
        batch = len(call.inputs[0]) if isinstance(call.inputs[0], Tensor) else None
        if batch is None or (call.output is not None and not _keeps_shape(call)):
            self._remarks.add(
                call.name,
                "left out, as not one map goes in and another of its shape comes out",
            )
        elif batch != self._batch:
            self._remarks.add(
                call.name,
                "left out, as there are more or fewer maps than images, so that none "
                "belongs to an image",
            )
        elif call.attention.has_maps:
            self._see_block(call)
        else:
            self._see_layer(call)

    def _see_block(self, call: Call) -> None:
        place = call.place(self._query) if call.is_pairwise else None
        views = views_of(call.maps(place), call.channels, call.name)
        self._keep(call, views, None if place is None else call.middle(place))
        self._remarks.views(call, views)
        if self._table_places and place is not None:
            self._keep_tables(call)

    def _see_layer(self, call: Call) -> None:
        effect = effect_of(call.inputs[0], call.output, call.name)
        seen = Heat(SPATIAL, "gate", effect.spatial)
        views = Views(heat=[seen], gates={CHANNEL: effect.channel})
        self._keep(call, views, None)
        self._remarks.effect(call, effect)

    def _keep(self, call: Call, views: Views, query: Query | None) -> None:
        where, block = call.where, call.attention.type
        for source, gates in views.gates.items():
            self._gates.setdefault((where, block, source), []).append(gates)
        for weights in views.branches.values():
            self._branches.setdefault((where, block), []).append(weights)
        images = self._heat[-self._batch :]
        for heat in views.heat:
            marked = query if heat.kind == "share" else None
            for image, values in zip(images, heat.values, strict=True):
                # an image of only zeros has no measured gates
                if not np.isnan(values).all():
                    image.append(
                        HeatMap(values, heat.kind, heat.source, where, query=marked)
                    )

    def _keep_tables(self, call: Call) -> None:
        places, looks, are_all = table_of(call, self._table_places)
        if looks.size > self._room:
            self._remarks.add(
                call.name,
                "no attention table of some images, as those of all would take "
                f"more than {MOST_TABLES // 2**18} MiB",
            )
            return
        self._room -= looks.size
        if not are_all:
            self._remarks.add(
                call.name,
                f"attention table of {len(places)} places that are evenly spread, "
                "not of all",
            )
        first = len(self._heat) - self._batch
        self._tables += [
            AttentionTable(call.where, call.attention.type, first + n, places, values)
            for n, values in enumerate(looks)
        ]


def place_of(query: Query | None) -> Query:
    """Return a place as shares of height and width; the centre if None.

    Raises:
        OptionError: It is not two numbers from 0 to 1.
    """
    if query is None:
        return 0.5, 0.5
    pair = tuple(query) if isinstance(query, Sequence) else ()
    if len(pair) != 2 or not all(_is_share(value) for value in pair):  # noqa: PLR2004
        raise OptionError(
            "block_maps: query must be (row, column) as shares of the image's height "
            f"and width, from 0 to 1, such as (0.5, 0.25), got {query!r}."
        )
    return float(pair[0]), float(pair[1])


def _is_share(value: object) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and 0 <= value <= 1  # type: ignore[arg-type,operator]


def _keeps_shape(call: Call) -> bool:
    x, y = call.inputs[0], call.output
    return isinstance(y, Tensor) and y.shape == x.shape and y.is_floating_point()
