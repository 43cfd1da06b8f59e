"""What is known of the channel gates of one block, over many images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from foveate.pictures._gate_levels import Family, Numbers

__all__ = ["ChannelStatistics", "State"]

State = Literal["closed", "open", "constant", "unseen", ""]
"""What stays true of a channel in every image; empty if it varies."""


@dataclass(frozen=True, eq=False)
class ChannelStatistics:
    """How the gate of each channel of one block varies over images.

    All arrays are ``(C,)``, float64; they are NaN for a channel that had no gate in any
    image. Spread is that of these images, not an estimate for others.

    Attributes:
        where: The path of the block.
        block: The name of its class.
        source: Which of its maps.
        images: How many images this rests on.
        family: What the gates can be.
        full: What counts as fully open: the ceiling of bounded gates, the evenly spread
            share of shares, 1 of free gates.
        limits: The highest gate of a channel that is closed and the lowest and highest
            of one that is open; of shares none is open, as they have no ceiling.
        still: Over less than this a constant channel varies.
        mean: Over the images.
        deviation: Standard deviation over the images.
        lowest: Over the images.
        first_quartile: Over the images.
        median: Over the images.
        third_quartile: Over the images.
        highest: Over the images.
        dead: Channels that are closed in every image: the block never lets them pass.
        saturated: Channels that are open in every image: the block never holds them
            back. A free gate is open near 1, where it changes nothing.
        constant: Channels that vary less than ``still``, of those neither dead nor
            saturated; none are known from a single image.
        unseen: Channels that had no gate in any image.
        counts: How many gates of all images and channels lie in each bin, ``(BINS,)``.
        edges: The edges of the bins, ``(BINS + 1,)``; what lies beyond the outermost,
            as at most 1 in 100 free gates may, is counted in the bins at the ends.
    """

    where: str
    block: str
    source: str
    images: int
    family: Family
    full: float
    limits: tuple[float, float, float]
    still: float
    mean: Numbers
    deviation: Numbers
    lowest: Numbers
    first_quartile: Numbers
    median: Numbers
    third_quartile: Numbers
    highest: Numbers
    dead: tuple[int, ...]
    saturated: tuple[int, ...]
    constant: tuple[int, ...]
    unseen: tuple[int, ...]
    counts: NDArray[np.int64]
    edges: Numbers

    @property
    def channels(self) -> int:
        """How many channels the block has."""
        return len(self.mean)

    def states(self) -> list[State]:
        """Return of each channel what stays true of it in every image."""
        states: list[State] = [""] * self.channels
        named: tuple[tuple[State, tuple[int, ...]], ...] = (
            ("closed", self.dead),
            ("open", self.saturated),
            ("constant", self.constant),
            ("unseen", self.unseen),
        )
        for state, channels in named:
            for channel in channels:
                states[channel] = state
        return states
