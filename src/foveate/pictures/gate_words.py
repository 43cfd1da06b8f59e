"""Statistics of channel gates as words, as a table and as plain values."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from foveate import _checks
from foveate.pictures.gate_statistics import ChannelStatistics

__all__ = ["describe", "in_all", "plain_values", "tell_level", "write_csv"]

MOST_NAMED = 8
"""How many channels a sentence names."""

_NUMBERS = (
    "mean",
    "deviation",
    "lowest",
    "first_quartile",
    "median",
    "third_quartile",
    "highest",
)
_LISTS = ("dead", "saturated", "constant", "unseen")


def describe(statistics: ChannelStatistics, *, most: int = MOST_NAMED) -> str:
    """Return in words which channels are always closed, always open or constant.

    Args:
        statistics: Of one block.
        most: How many channels a sentence names; the rest are counted.

    Example:
        >>> import numpy as np
        >>> from foveate.pictures.gates import channel_statistics
        >>> from foveate.pictures.seen import ChannelGates
        >>> values = np.array([[0.01, 0.5, 0.99], [0.04, 0.7, 0.96]], np.float32)
        >>> gates = ChannelGates("layer1", "SqueezeExcite", "channel", values)
        >>> describe(channel_statistics(gates)).split(". ")[0]
        '1 of 3 channels is closed in both images (at most 0.05): 0'
    """
    _checks.positive("describe", most=most)
    every = in_all(statistics)
    total = statistics.channels
    told = [
        _tell(statistics.dead, total, f"closed {every}", _closed(statistics), most),
        _tell(statistics.saturated, total, f"open {every}", _opened(statistics), most),
    ]
    if not any(told) and len(statistics.unseen) < total:
        told = [_tell_none(statistics)]
    if statistics.constant:
        less = f"varying by less than {statistics.still:.2g} between images"
        told.append(_tell(statistics.constant, total, "constant", less, most))
    if statistics.unseen:
        why = "their input was 0 everywhere"
        told.append(_tell(statistics.unseen, total, "without a gate", why, most))
    if statistics.images == 1:
        told.append("One image does not tell whether they always are.")
    return " ".join(sentence for sentence in told if sentence)


def in_all(statistics: ChannelStatistics) -> str:
    """Return ``in all 40 images``, or what is said of one or two."""
    few = {1: "in the one image", 2: "in both images"}
    return few.get(statistics.images, f"in all {statistics.images:,} images")


def tell_level(statistics: ChannelStatistics, state: str) -> str:
    """Return how low a ``closed`` and how high an ``open`` gate is, in words."""
    return _closed(statistics) if state == "closed" else _opened(statistics)


def _closed(statistics: ChannelStatistics) -> str:
    limit = statistics.limits[0]
    if statistics.family == "free":
        return f"from \N{MINUS SIGN}{limit:.3g} to {limit:.3g}"
    return f"at most {limit:.3g}"


def _opened(statistics: ChannelStatistics) -> str:
    _, low, high = statistics.limits
    return (
        f"at least {low:.3g}" if math.isinf(high) else f"from {low:.3g} to {high:.3g}"
    )


def _tell(channels: Sequence[int], total: int, what: str, how: str, most: int) -> str:
    """Return a sentence about some channels, or nothing if there are none."""
    if not channels:
        return ""
    if len(channels) == total:
        who = "The only channel is" if total == 1 else f"All {total:,} channels are"
        return f"{who} {what} ({how})."
    verb = "is" if len(channels) == 1 else "are"
    names = _checks.cut([str(channel) for channel in channels], most)
    return f"{len(channels):,} of {total:,} channels {verb} {what} ({how}): {names}."


def _tell_none(statistics: ChannelStatistics) -> str:
    total = statistics.channels
    who = "The only channel is not" if total == 1 else f"None of {total:,} channels is"
    closed = f"closed ({_closed(statistics)})"
    if statistics.family == "shares":
        return f"{who} {closed} {in_all(statistics)}."
    return f"{who} {closed} or open ({_opened(statistics)}) {in_all(statistics)}."


def plain_values(statistics: ChannelStatistics) -> dict[str, Any]:
    """Return the statistics as lists, numbers and words that JSON can hold.

    What is not a number is None, and so is an end of ``limits`` that does not exist.
    """
    return {
        "where": statistics.where,
        "block": statistics.block,
        "source": statistics.source,
        "channels": statistics.channels,
        "images": statistics.images,
        "family": statistics.family,
        "full": statistics.full,
        "limits": _plain(statistics.limits),
        "still": statistics.still,
        **{name: _plain(getattr(statistics, name)) for name in _NUMBERS},
        **{name: list(getattr(statistics, name)) for name in _LISTS},
        "counts": [int(count) for count in statistics.counts],
        "edges": _plain(statistics.edges),
    }


def _plain(numbers: Iterable[float]) -> list[float | None]:
    return [
        float(f"{number:.7g}") if np.isfinite(number) else None for number in numbers
    ]


def write_csv(blocks: Iterable[ChannelStatistics]) -> str:
    """Return a table with one line a channel of each block, as CSV.

    Its column ``state`` is ``closed``, ``open``, ``constant``, ``unseen`` or empty.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(
        ["where", "block", "source", "channel", "images", *_NUMBERS, "state"]
    )
    for statistics in blocks:
        columns = [_plain(getattr(statistics, name)) for name in _NUMBERS]
        rows = zip(*columns, statistics.states(), strict=True)
        first = (statistics.where, statistics.block, statistics.source)
        for channel, row in enumerate(rows):
            table.writerow([*first, channel, statistics.images, *row])
    return text.getvalue()
