"""A chart of the channel gates of all blocks of a network."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element

import numpy as np

from foveate import _svg
from foveate._svg import across, add
from foveate.errors import OptionError
from foveate.pictures import _drawing
from foveate.pictures._axis import Axis, draw_axis
from foveate.pictures._gate_marks import draw_counts, goes_beyond
from foveate.pictures.gate_statistics import ChannelStatistics

__all__ = ["draw_network_gates"]

_SPAN = (0.02, 0.98)
_HEAD = 82
_NAME = 20
_RIDGE = 26
_GAP = 12
_LONGEST = 36
# so many letters fit side by side on a phone
_BOTH = 56
_SHORTEST = 14


def draw_network_gates(
    blocks: Sequence[ChannelStatistics], title: str = "Channel gates of all blocks"
) -> str:
    """Return a chart with a row for each block of a network, as SVG.

    A row shows how the gates of all channels and images are spread, and their mean; all
    rows share one axis. The highest bin of each row is as tall as that of any other.
    Beside its name stands how many channels are closed and open in every image.

    Args:
        blocks: In the order in which the network runs them.
        title: Stands above.

    Raises:
        OptionError: There are no blocks.
    """
    if not blocks:
        raise OptionError(
            "draw_network_gates: blocks must be the statistics of one block or more, "
            "got none. Only blocks with a gate for each channel have them."
        )
    step = _NAME + _RIDGE + _GAP
    bottom = _HEAD + step * len(blocks)
    chart = _drawing.open_chart(bottom + 46, _tell(blocks, title))
    axis = _find_axis(blocks)
    _draw_heading(chart, blocks, title)
    draw_axis(chart, axis, _SPAN, (_HEAD - 4, bottom))
    for number, statistics in enumerate(blocks):
        _draw_row(chart, statistics, axis, _HEAD + step * number)
    words = "gate" if _all_bounded(blocks) else "gate, 1 is fully open"
    x = across(sum(_SPAN) / 2)
    add(chart, "text", words, class_="tick", x=x, y=bottom + 36, text_anchor="middle")
    return _svg.write(chart)


def _all_bounded(blocks: Sequence[ChannelStatistics]) -> bool:
    return all(one.family == "bounded" and one.full == 1 for one in blocks)


def _find_axis(blocks: Sequence[ChannelStatistics]) -> Axis:
    """Return the axis that holds all gates, as multiples of a fully open one."""
    low = min(float(one.edges[0]) / one.full for one in blocks)
    return Axis(low, max(float(one.edges[-1]) / one.full for one in blocks))


def _tell(blocks: Sequence[ChannelStatistics], title: str) -> str:
    rows = "; ".join(f"{one.where or one.block}: {_told(one)}" for one in blocks)
    return f"{title}. {rows}."


def _told(statistics: ChannelStatistics) -> str:
    """Return how many channels a block has, and how many are closed and open."""
    dead, saturated = len(statistics.dead), len(statistics.saturated)
    words = [f"{_drawing.several(statistics.channels, 'channel')}"]
    words += [f"{dead:,} closed"] if dead else []
    words += [f"{saturated:,} open"] if saturated else []
    return ", ".join(words)


def _draw_heading(
    chart: Element, blocks: Sequence[ChannelStatistics], title: str
) -> None:
    add(chart, "text", title, class_="title", x="2%", y=24)
    images = max(one.images for one in blocks)
    how = f"all channels of {_drawing.several(images, 'image')}; the upright line: mean"
    add(chart, "text", how, class_="aside", x="2%", y=43)
    every = "closed, open: in all of them"
    if any(goes_beyond(one) for one in blocks):
        every += "; what lies beyond an end stands there"
    add(chart, "text", every, class_="aside", x="2%", y=60)


def _draw_row(
    chart: Element, statistics: ChannelStatistics, axis: Axis, top: float
) -> None:
    left, right = (across(share) for share in _SPAN)
    name = statistics.where or statistics.block
    told = _told(statistics)
    most = max(min(_LONGEST, _BOTH - len(told)), _SHORTEST)
    label = _drawing.cut_middle(name, most)
    title = add(chart, "text", label, class_="name cleared", x=left, y=top + 13)
    add(title, "title", f"{name} ({statistics.block}, {statistics.source})")
    aside = {"class_": "aside cleared", "text_anchor": "end"}
    add(chart, "text", told, x=right, y=top + 13, **aside)
    ground = top + _NAME + _RIDGE
    start, end, mean = (
        _SPAN[0] + (_SPAN[1] - _SPAN[0]) * axis.place(value / statistics.full)
        for value in (statistics.edges[0], statistics.edges[-1], _mean(statistics))
    )
    span = (start, end)
    plot = _drawing.stretch(
        chart, ground - _RIDGE, _RIDGE, len(statistics.counts), span
    )
    draw_counts(plot, statistics, _RIDGE)
    add(chart, "line", class_="axis", x1=left, x2=right, y1=ground, y2=ground)
    if len(statistics.unseen) < statistics.channels:
        x, group = across(mean), add(chart, "g", class_="closed")
        y1 = ground - _RIDGE - 2
        add(group, "line", class_="whole", x1=x, x2=x, y1=y1, y2=ground + 3)


def _mean(statistics: ChannelStatistics) -> float:
    known = statistics.mean[~np.isnan(statistics.mean)]
    return float(known.mean()) if known.size else 0.0
