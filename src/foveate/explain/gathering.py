"""Gather what the blocks of a network look at, image after image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from torch import Tensor, nn

from foveate.errors import OptionError
from foveate.explain._calls import Call, check_images, run_watched
from foveate.explain._effective import CHANNEL, SPATIAL, effect_of
from foveate.explain._network import network_of
from foveate.explain._remarks import Remarks
from foveate.explain._tables import table_of
from foveate.explain._views import views_of
from foveate.pictures.block_maps import BlockMaps
from foveate.pictures.gathered import Gathered
from foveate.pictures.places import Query, place_of
from foveate.pictures.seen import AttentionTable
from foveate.pictures.views import Heat, Views
from foveate.surgery.attention import LayerSelector, find_attention

__all__ = ["BlockGathering"]

MOST_TABLES = 2**26
"""The most numbers of all attention tables of one look: 256 MiB."""


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
        self._gathered = Gathered()
        self._query: Query = (0.5, 0.5)
        self._tables: list[AttentionTable] = []
        self._remarks = Remarks()

    def add(self, x: Tensor, *, query: Query | None = None) -> None:
        """Run the network on a batch of images, ``(N, C, H, W)``."""
        check_images(x, "block_maps")
        self._query = place_of(query)
        self._gathered.begin(x.shape[0])
        if self._found:
            run_watched(self._network, x, self._found, self._see)

    def finish(self) -> BlockMaps:
        """Return what was gathered.

        Raises:
            OptionError: There was no image.
        """
        gathered, remarks = self._gathered, self._remarks
        hidden = remarks.hidden()
        for (where, block, _), rows in gathered.gates.items():
            remarks.count(f"{where} ({block})", rows, len(gathered.images))
        said = remarks.sentences(type(self._network).__name__, self._found)
        return gathered.maps(said, tables=self._tables, hidden=hidden)

    def _see(self, call: Call) -> None:
        self._remarks.ran(call)
        batch = len(call.inputs[0]) if isinstance(call.inputs[0], Tensor) else None
        if batch is None or (call.output is not None and not _keeps_shape(call)):
            self._remarks.add(
                call.name,
                "left out, as not one map goes in and another of its shape comes out",
            )
        elif batch != self._gathered.batch:
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
        self._gathered.keep(call.where, call.attention.type, views, query)

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
        first = len(self._gathered.images) - self._gathered.batch
        self._tables += [
            AttentionTable(call.where, call.attention.type, first + n, places, values)
            for n, values in enumerate(looks)
        ]


def _keeps_shape(call: Call) -> bool:
    x, y = call.inputs[0], call.output
    return isinstance(y, Tensor) and y.shape == x.shape and y.is_floating_point()
