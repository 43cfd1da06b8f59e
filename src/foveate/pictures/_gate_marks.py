"""The marks of a chart of channel gates: a bar each, or a profile of many."""

from __future__ import annotations

import math
from collections.abc import Callable
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from foveate._svg import add
from foveate.pictures._axis import Axis
from foveate.pictures._gate_levels import ROUNDING, Numbers
from foveate.pictures.gate_statistics import ChannelStatistics

__all__ = ["COLUMNS", "draw_bars", "draw_counts", "draw_profile", "goes_beyond"]

COLUMNS = 512
"""So many columns has a profile at most; of more channels each shows several."""

Order = NDArray[np.intp]


def draw_bars(
    plot: Element, statistics: ChannelStatistics, order: Order, axis: Axis, tall: float
) -> None:
    """Draw a bar a channel, in a frame of one unit a channel."""
    for place, channel in enumerate(order):
        _draw_bar(plot, statistics, int(channel), place, _down(axis, tall))


def _down(axis: Axis, tall: float) -> Callable[[float], float]:
    return lambda value: tall * (1 - axis.place(float(value)))


def _draw_bar(
    plot: Element,
    statistics: ChannelStatistics,
    channel: int,
    place: int,
    down: Callable[[float], float],
) -> None:
    """Draw the gate of a channel: its mean, its quartiles and its ends."""
    mean, ground = down(statistics.mean[channel]), down(0.0)
    group = add(plot, "g", class_="tone-1")
    add(group, "title", f"channel {channel}: {statistics.mean[channel]:.3g}")
    y, height = min(mean, ground), abs(ground - mean)
    add(group, "rect", class_="area", x=place + 0.14, y=y, width=0.72, height=height)
    if statistics.images > 1:
        y = down(statistics.third_quartile[channel])
        height = max(down(statistics.first_quartile[channel]) - y, 1.0)
        add(group, "rect", class_="band", x=place + 0.3, y=y, width=0.4, height=height)
        low, high = down(statistics.lowest[channel]), down(statistics.highest[channel])
        d = f"M{place + 0.5:g} {low:.2f}V{high:.2f}"
        add(group, "path", class_="hair scaled", d=d)
    add(group, "path", class_="line scaled", d=f"M{place + 0.14:g} {mean:.2f}h.72")


def draw_profile(
    plot: Element, statistics: ChannelStatistics, order: Order, axis: Axis, tall: float
) -> None:
    """Draw the gates as steps, in a frame of one unit a channel.

    Where there are more channels than ``COLUMNS``, a step is the mean of several; the
    lowest is the lowest of them, and the highest the highest.
    """
    down = _down(axis, tall)
    group = add(plot, "g", class_="tone-1")
    starts = np.arange(0, len(order), math.ceil(len(order) / COLUMNS))
    ends = np.append(starts[1:], len(order))

    def walk(steps: Numbers) -> list[str]:
        spots = zip(starts, ends, steps, strict=True)
        return [f"{x},{down(y):.2f}" for start, end, y in spots for x in (start, end)]

    def means(numbers: Numbers) -> Numbers:
        return np.asarray(np.add.reduceat(numbers[order], starts) / (ends - starts))

    way = walk(means(statistics.mean))
    ground = f"{down(0.0):.2f}"
    area = [f"0,{ground}", *way, f"{len(order)},{ground}"]
    add(group, "polygon", class_="area", points=" ".join(area))
    if statistics.images > 1:
        upper = walk(means(statistics.third_quartile))
        band = [*walk(means(statistics.first_quartile)), *upper[::-1]]
        add(group, "polygon", class_="band", points=" ".join(band))
        lowest = np.minimum.reduceat(statistics.lowest[order], starts)
        highest = np.maximum.reduceat(statistics.highest[order], starts)
        for numbers in (lowest, highest):
            hair = " ".join(walk(numbers))
            add(group, "polyline", class_="hair scaled", points=hair)
    add(group, "polyline", class_="line scaled", points=" ".join(way))


def draw_counts(plot: Element, statistics: ChannelStatistics, tall: float) -> None:
    """Draw how many gates lie in each bin, in a frame of one unit a bin."""
    group = add(plot, "g", class_="tone-1")
    most = max(int(statistics.counts.max()), 1)
    for place, count in enumerate(statistics.counts):
        high = tall * int(count) / most
        where = f"{statistics.edges[place]:.3g} to {statistics.edges[place + 1]:.3g}"
        bar = add(
            group,
            "rect",
            class_="bar",
            x=place + 0.06,
            y=tall - high,
            width=0.88,
            height=high,
        )
        add(bar, "title", f"{where}: {int(count):,}")


def goes_beyond(statistics: ChannelStatistics) -> bool:
    """Return whether gates lie beyond the bins, and so beyond the axis of a chart."""
    # no comparison with NaN holds
    below = statistics.lowest < statistics.edges[0] - ROUNDING
    above = statistics.highest > statistics.edges[-1] + ROUNDING
    return bool((below | above).any())
