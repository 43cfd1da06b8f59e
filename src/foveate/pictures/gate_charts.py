"""A chart of the channel gates of one block."""

from __future__ import annotations

from itertools import groupby
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from foveate import _checks, _svg
from foveate._svg import across, add
from foveate.pictures import _drawing
from foveate.pictures._axis import Axis, draw_axis, name_tick
from foveate.pictures._gate_marks import (
    draw_bars,
    draw_counts,
    draw_profile,
    goes_beyond,
)
from foveate.pictures.gate_statistics import ChannelStatistics
from foveate.pictures.gate_words import describe, in_all, tell_level

__all__ = ["draw_gates"]

BARS = 64
"""Up to so many channels have a bar each; more become a profile."""

_NUMBERED = 16
_SPAN = (0.08, 0.985)
_TALL = 200
_LOW = 84
_RUG = 5
_LINE = 17
_NAMED = 6


def draw_gates(statistics: ChannelStatistics) -> str:
    """Return a chart of the gates of one block, as SVG.

    Its channels stand in the order of their mean gate over the images, with the middle
    half of the images as a band and the lowest and highest as thin lines. Beneath is
    how all gates of all images are distributed.

    Example:
        >>> from foveate.pictures.gates import channel_statistics
        >>> from foveate.pictures.seen import ChannelGates
        >>> values = np.random.default_rng(0).random((5, 8), np.float32)
        >>> gates = ChannelGates("layer1", "SqueezeExcite", "channel", values)
        >>> draw_gates(channel_statistics(gates))[:4]
        '<svg'
    """
    order = _rank(statistics)
    lines = _tell_states(statistics)
    top = 70.0 if statistics.images == 1 else 96.0
    foot = top + _TALL + 46 + _LINE * len(lines)
    who = statistics.where or statistics.block
    label = f"Channel gates of {who}. {describe(statistics)}"
    chart = _drawing.open_chart(foot + _LOW + 74, label)
    _draw_heading(chart, statistics)
    axis = _find_axis(statistics)
    _draw_frame(chart, axis, statistics, top)
    if len(order):
        _draw_channels(chart, statistics, order, axis, top)
    _draw_ranks(chart, order, top + _TALL + 26)
    for number, (state, line) in enumerate(lines):
        y = top + _TALL + 54 + _LINE * number
        _draw_swatch(chart, state, y)
        _draw_text(chart, line, y, indent=14)
    _draw_distribution(chart, statistics, foot)
    return _svg.write(chart)


def _rank(statistics: ChannelStatistics) -> NDArray[np.intp]:
    """Return the channels that had a gate, the highest mean first."""
    order = np.argsort(-statistics.mean, kind="stable")
    return order[~np.isnan(statistics.mean[order])]


def _find_axis(statistics: ChannelStatistics) -> Axis:
    return Axis(float(statistics.edges[0]), float(statistics.edges[-1]))


def _draw_heading(chart: Element, statistics: ChannelStatistics) -> None:
    name = _drawing.cut_middle(statistics.where or statistics.block, 44)
    add(chart, "text", name, class_="title", x="2%", y=24)
    channels = _drawing.several(statistics.channels, "channel")
    images = _drawing.several(statistics.images, "image")
    kind = f"{statistics.block}, {statistics.source}: {channels}, {images}"
    add(chart, "text", kind, class_="aside", x="2%", y=43)
    if statistics.images == 1:
        return
    keys = (("line", "mean"), ("band", "middle half"), ("hair", "lowest, highest"))
    for place, (look, words) in zip((0.02, 0.2, 0.49), keys, strict=True):
        spot = _svg.anchor(chart, place, 62)
        mark = add(spot, "g", class_="tone-1")
        add(
            mark,
            "path",
            class_=look,
            d="M0 0h18" if look != "band" else "M0-5h18v9h-18z",
        )
        add(spot, "text", words, class_="aside", x=24, y=4)


def _draw_frame(
    chart: Element, axis: Axis, statistics: ChannelStatistics, top: float
) -> None:
    """Draw the grid of gates, and where closed ends and open begins."""
    left, right = (across(share) for share in _SPAN)
    for tick in axis.ticks():
        y = top + _TALL * (1 - axis.place(tick))
        add(chart, "line", class_="grid", x1=left, x2=right, y1=y, y2=y)
        name, x = name_tick(tick), across(_SPAN[0] - 0.012)
        add(chart, "text", name, class_="tick", x=x, y=y + 4, text_anchor="end")
    add(chart, "text", "gate", class_="tick", x="2%", y=top - 12)
    for limit in statistics.limits:
        if axis.low < limit < axis.high:
            y = top + _TALL * (1 - axis.place(limit))
            add(chart, "line", class_="limit", x1=left, x2=right, y1=y, y2=y)


def _draw_channels(
    chart: Element,
    statistics: ChannelStatistics,
    order: NDArray[np.intp],
    axis: Axis,
    top: float,
) -> None:
    states = statistics.states()
    plot = _drawing.stretch(chart, top, _TALL + 2 * _RUG, len(order), _SPAN)
    draw = draw_bars if len(order) <= BARS else draw_profile
    draw(plot, statistics, order, axis, _TALL)
    place = 0
    for state, run in groupby(states[channel] for channel in order):
        wide = len(list(run))
        if state:
            rug = add(plot, "g", class_=state)
            y = _TALL + 3
            add(rug, "rect", class_="solid", x=place, y=y, width=wide, height=_RUG)
        place += wide


def _draw_ranks(chart: Element, order: NDArray[np.intp], y: float) -> None:
    """Write beneath the channels which they are, or how many."""
    left, right = _SPAN
    if len(order) <= _NUMBERED:
        for place, channel in enumerate(order):
            x = across(left + (right - left) * (place + 0.5) / len(order))
            name = str(channel)
            add(chart, "text", name, class_="tick", x=x, y=y, text_anchor="middle")
        return
    x, end = across(left), across(right)
    add(chart, "text", "highest mean gate", class_="tick", x=x, y=y)
    add(chart, "text", "lowest", class_="tick", x=end, y=y, text_anchor="end")


def _tell_states(statistics: ChannelStatistics) -> list[tuple[str, str]]:
    """Return lines that name the channels of which something is always true."""
    every = in_all(statistics)
    closed = f"closed {every} ({tell_level(statistics, 'closed')})"
    opened = f"open {every} ({tell_level(statistics, 'open')})"
    still = f"vary by less than {statistics.still:.2g}"
    named = (
        ("closed", statistics.dead, closed),
        ("open", statistics.saturated, opened),
        ("constant", statistics.constant, still),
        ("unseen", statistics.unseen, "had no gate: their input was 0"),
    )
    always = ("closed",) if statistics.family == "shares" else ("closed", "open")
    lines = []
    for state, channels, words in named:
        if channels:
            noun = "channel" if len(channels) == 1 else "channels"
            names = _checks.cut([str(channel) for channel in channels], _NAMED)
            lines.append((state, f"{len(channels):,} {words}:"))
            lines.append(("", f"{noun} {names}"))
        elif state in always:
            lines.append((state, f"none {words}"))
    if goes_beyond(statistics):
        lines.append(("", "some gates lie beyond the ends of the axis"))
    return lines


def _draw_swatch(chart: Element, state: str, y: float) -> None:
    if state:
        spot = _svg.anchor(chart, _SPAN[0], y)
        mark = add(spot, "g", class_=state)
        add(mark, "rect", class_="solid", x=0.5, y=-9, width=8, height=8)


def _draw_text(chart: Element, line: str, y: float, indent: float) -> None:
    add(_svg.anchor(chart, _SPAN[0], y), "text", line, class_="aside", x=indent)


def _draw_distribution(
    chart: Element, statistics: ChannelStatistics, top: float
) -> None:
    """Draw how many of all gates of all images lie where."""
    total = int(statistics.counts.sum())
    words = f"How all {total:,} gates are spread"
    add(chart, "text", words, class_="name", x="2%", y=top + 18)
    start, end = top + 30, top + 30 + _LOW
    axis = _find_axis(statistics)
    draw_axis(chart, axis, _SPAN, (start, end))
    plot = _drawing.stretch(chart, start, _LOW, len(statistics.counts), _SPAN)
    draw_counts(plot, statistics, _LOW)
    left, right = (across(share) for share in _SPAN)
    add(chart, "line", class_="axis", x1=left, x2=right, y1=end, y2=end)
    x, y = across(sum(_SPAN) / 2), end + 32
    add(chart, "text", "gate", class_="tick", x=x, y=y, text_anchor="middle")
