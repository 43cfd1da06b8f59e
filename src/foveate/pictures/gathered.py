"""The maps of blocks, as they come in batch after batch."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from foveate.errors import OptionError
from foveate.pictures.block_maps import BlockMaps
from foveate.pictures.heat_map import HeatMap
from foveate.pictures.places import Query
from foveate.pictures.seen import AttentionTable, Branches, ChannelGates
from foveate.pictures.views import Views

__all__ = ["Gathered"]

Numbers = NDArray[np.float32]


class Gathered:
    """What blocks look at in the images so far.

    Attributes:
        images: Of each image its heat maps.
        batch: How many of them, the last, run now.
        gates: By the place, the name and the map of a block, its gates in each batch.
    """

    def __init__(self) -> None:
        self.images: list[list[HeatMap]] = []
        self.batch = 0
        self.gates: dict[tuple[str, str, str], list[Numbers]] = {}
        self._branches: dict[tuple[str, str], list[Numbers]] = {}

    def begin(self, images: int) -> None:
        """Take the next batch of images."""
        self.batch = images
        self.images += [[] for _ in range(images)]

    def keep(self, where: str, block: str, views: Views, query: Query | None) -> None:
        """Keep what a block shows of each image of the batch.

        Args:
            where: Its place.
            block: The name of its class.
            views: What it shows.
            query: The place that looks, if it is pairwise.
        """
        for source, gates in views.gates.items():
            self.gates.setdefault((where, block, source), []).append(gates)
        for shares in views.branches.values():
            self._branches.setdefault((where, block), []).append(shares)
        images = self.images[-self.batch :]
        for heat in views.heat:
            marked = query if heat.kind == "share" else None
            for image, values in zip(images, heat.values, strict=True):
                # an image of only zeros has no measured gates
                if not np.isnan(values).all():
                    image.append(
                        HeatMap(values, heat.kind, heat.source, where, query=marked)
                    )

    def maps(
        self,
        said: Sequence[str],
        *,
        tables: Sequence[AttentionTable] = (),
        hidden: Collection[tuple[str, str]] = (),
    ) -> BlockMaps:
        """Return all of them.

        Args:
            said: What one should know of them.
            tables: Where several places of an image look.
            hidden: Which to leave out, by the place of the block and their source.

        Raises:
            OptionError: There was no image.
        """
        if not self.images:
            raise OptionError("block_maps: expected one image or more, got none.")
        looked = tuple(
            tuple(heat for heat in heats if (heat.where, heat.source) not in hidden)
            for heats in self.images
        )
        gates = tuple(
            ChannelGates(where, block, source, np.concatenate(rows))
            for (where, block, source), rows in self.gates.items()
            if (where, source) not in hidden
        )
        branches = tuple(
            Branches(where, block, np.concatenate(rows))
            for (where, block), rows in self._branches.items()
        )
        return BlockMaps(looked, gates, branches, tuple(tables), tuple(said))
