"""What the blocks of a network look at in some images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from foveate.pictures.heat_map import HeatMap
from foveate.pictures.maps import Maps
from foveate.pictures.seen import (
    AttentionTable,
    Branches,
    ChannelGates,
    Looked,
    Unread,
)

__all__ = ["BlockMaps"]


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

    def joined(
        self, looked: Sequence[Looked], unread: Sequence[Unread], said: Sequence[str]
    ) -> Maps:
        """Return these maps after those that each image has already.

        Args:
            looked: The images.
            unread: Images that could not be looked at.
            said: All that is to be said, also of the maps of blocks.
        """
        return Maps(
            looked=tuple(
                replace(one, heat=one.heat + blocks)
                for one, blocks in zip(looked, self.looked, strict=True)
            ),
            gates=self.gates,
            branches=self.branches,
            tables=self.tables,
            said=tuple(said),
            unread=tuple(unread),
        )
