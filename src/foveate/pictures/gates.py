"""What channel gates do over many images: which never open, close or change."""

from __future__ import annotations

import numpy as np

from foveate import _checks
from foveate.errors import OptionError, ShapeError
from foveate.pictures._gate_levels import Numbers, find_levels
from foveate.pictures._gate_spread import count, places, sort_out, summarise
from foveate.pictures.gate_statistics import ChannelStatistics
from foveate.pictures.seen import ChannelGates

__all__ = ["channel_statistics"]

_TABLE_DIMS = 2


def channel_statistics(
    gates: ChannelGates,
    *,
    closed: float = 0.05,
    opened: float = 0.95,
    still: float = 0.01,
    ceiling: float | None = None,
) -> ChannelStatistics:
    """Return how the gate of each channel varies over the images.

    What a gate of 0.05 means depends on how high it can be. Gates from 0 to 1, such as
    sigmoids, are measured against 1. Where those of each image add up to 1, as after a
    softmax over channels, it is the evenly spread share. Any other numbers, such as
    gates measured from what a layer returned, are free: 0 takes a channel away and 1
    leaves it as it is.

    Args:
        gates: One number an image and channel; NaN where a channel had no gate.
        closed: A gate of at most this share of the full one is closed.
        opened: A gate of at least this share of the full one is open; a free one as
            well may be above 1 by no more than it may be below.
        still: A gate that varies less than this, times the full one, is constant.
        ceiling: How high these gates can be, such as 2 for sigmoids times two; found
            from the gates if None.

    Raises:
        OptionError: A threshold is not a share, ``closed`` is not below ``opened``, or
            a gate is above ``ceiling``.
        ShapeError: The gates are not ``(N, C)``, there are none, or one is infinite.
    """
    _checks.share("channel_statistics", closed=closed, opened=opened, still=still)
    if closed >= opened:
        raise OptionError(
            f"channel_statistics: closed must be below opened, got {closed} and "
            f"{opened}. The defaults are 0.05 and 0.95."
        )
    values = _checked(gates)
    levels = find_levels(values, closed=closed, opened=opened, ceiling=ceiling)
    full, limits = levels.full, levels.limits
    seen = np.asarray(~np.isnan(values).all(axis=0))
    spread = summarise(values, seen)
    dead, saturated, constant = sort_out(spread, limits, still * full, len(values))
    counts, edges = count(values, levels)
    return ChannelStatistics(
        where=gates.where,
        block=gates.block,
        source=gates.source,
        images=len(values),
        family=levels.family,
        full=full,
        limits=limits,
        still=still * full,
        **spread,
        dead=dead,
        saturated=saturated,
        constant=constant,
        unseen=places(np.asarray(~seen)),
        counts=counts,
        edges=edges,
    )


def _checked(gates: ChannelGates) -> Numbers:
    values = np.asarray(gates.values, dtype=np.float64)
    who = f"channel_statistics: the gates of {gates.where or gates.block}"
    if values.ndim != _TABLE_DIMS or 0 in values.shape:
        raise ShapeError(f"{who} must be (images, channels), got {values.shape}.")
    if np.isinf(values).any():
        raise ShapeError(
            f"{who} are not finite. Run the network in a wider precision, such as "
            "float32."
        )
    return values
