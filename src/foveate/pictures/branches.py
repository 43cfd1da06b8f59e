"""A chart of how blocks share out their branches, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element

import numpy as np

from foveate import _svg
from foveate._svg import across, add
from foveate.errors import OptionError, ShapeError
from foveate.pictures import _drawing
from foveate.pictures._axis import Axis, draw_axis
from foveate.pictures._gate_levels import Numbers
from foveate.pictures.seen import Branches

__all__ = ["draw_branches"]

_SPAN = (0.02, 0.98)
_NAME = 20
_LINE = 13
_GAP = 14
_LONGEST = 34
_TONES = 6
_ACROSS = 3
_MARKS = (
    "M0-4.5a4.5 4.5 0 1 0 .01 0z",
    "M-4-4h8v8h-8z",
    "M0-5.5l5.5 5.5-5.5 5.5-5.5-5.5z",
    "M0-5.5l5 9.5h-10z",
    "M0 5.5l5-9.5h-10z",
    "M-2-5h4v3h3v4h-3v3h-4v-3h-3v-4h3z",
)
"""Shapes of the marks, so that branches differ not by their colours alone."""

_DIMS = 2
_ONE = 1e-2


def draw_branches(
    layers: Sequence[Branches],
    title: str = "Shares of the branches",
    *,
    names: Sequence[str] = (),
) -> str:
    """Return a chart with a row for each block and a line for each branch, as SVG.

    A mark is the mean share over the images, the thick line holds the middle half of
    them, and the thin one goes from the lowest to the highest. The upright line is the
    even share: where no branch is preferred.

    Args:
        layers: In the order in which the network runs them.
        title: Stands above.
        names: Of the branches; they are numbered from 1 if there are none.

    Raises:
        OptionError: There are no layers, or too few names.
        ShapeError: Shares are not ``(N, K)``, not finite, or do not add up to 1.
    """
    if not layers:
        raise OptionError(
            "draw_branches: layers must be the shares of one block or more, got none. "
            "Only blocks and fusions with branches have them."
        )
    tables = [_checked(layer) for layer in layers]
    most = max(table.shape[1] for table in tables)
    names = tuple(names) or tuple(f"branch {number}" for number in range(1, most + 1))
    if len(names) < most:
        raise OptionError(
            f"draw_branches: names must be one a branch, of which there are up to "
            f"{most}, got {len(names)}."
        )
    rows = (most - 1) // _ACROSS + 1
    head = 84 + 20 * rows
    ends = np.cumsum([_NAME + _LINE * table.shape[1] + _GAP for table in tables])
    tops = [head, *(head + int(end) for end in ends)]
    chart = _drawing.open_chart(tops[-1] + 40, _tell(layers, tables, names, title))
    images = max(len(table) for table in tables)
    _draw_heading(chart, title, names[:most], images)
    draw_axis(chart, Axis(0, 1), _SPAN, (head - 6, tops[-1] - 4))
    for layer, table, top in zip(layers, tables, tops, strict=False):
        _draw_layer(chart, layer, table, names, top)
    x, y = across(sum(_SPAN) / 2), tops[-1] + 30
    add(chart, "text", "share", class_="tick", x=x, y=y, text_anchor="middle")
    return _svg.write(chart)


def _checked(layer: Branches) -> Numbers:
    values = np.asarray(layer.values, dtype=np.float64)
    who = f"draw_branches: the shares of {layer.where or layer.block}"
    if values.ndim != _DIMS or 0 in values.shape:
        raise ShapeError(f"{who} must be (images, branches), got {values.shape}.")
    sums = values.sum(axis=1)
    if not np.allclose(sums, 1, atol=_ONE):
        worst = float(sums[np.argmax(np.abs(sums - 1))])
        raise ShapeError(f"{who} must add up to 1 for each image, got {worst:.4g}.")
    return values


def _tell(
    layers: Sequence[Branches],
    tables: Sequence[Numbers],
    names: Sequence[str],
    title: str,
) -> str:
    """Return in words what the chart shows, for those who do not see it."""
    told = []
    for layer, table in zip(layers, tables, strict=True):
        means = zip(names, table.mean(axis=0), strict=False)
        shares = ", ".join(f"{name} {mean:.2f}" for name, mean in means)
        told.append(f"{layer.where or layer.block}: {shares}")
    return f"{title}. {'; '.join(told)}."


def _draw_heading(
    chart: Element, title: str, names: Sequence[str], images: int
) -> None:
    add(chart, "text", title, class_="title", x="2%", y=24)
    spread = f"mean of {_drawing.several(images, 'image')}"
    if images > 1:
        spread += ", their middle half, lowest and highest"
    add(chart, "text", spread, class_="aside", x="2%", y=43)
    add(chart, "text", "dotted: the even share", class_="aside", x="2%", y=60)
    for number, name in enumerate(names):
        place = _SPAN[0] + 0.33 * (number % _ACROSS)
        spot = _svg.anchor(chart, place, 80 + 20 * (number // _ACROSS))
        group = add(spot, "g", class_=f"tone-{number % _TONES + 1}")
        mark = _MARKS[number % len(_MARKS)]
        add(group, "path", class_="dot", d=mark, transform="translate(6)")
        label = _drawing.cut_middle(name, 16)
        add(spot, "text", label, class_="aside", x=18, y=4)


def _draw_layer(
    chart: Element, layer: Branches, table: Numbers, names: Sequence[str], top: float
) -> None:
    left, right = (across(share) for share in _SPAN)
    name = layer.where or layer.block
    label = _drawing.cut_middle(name, _LONGEST)
    text = add(chart, "text", label, class_="name cleared", x=left, y=top + 13)
    add(text, "title", f"{name} ({layer.block})")
    told = {"class_": "aside cleared", "text_anchor": "end"}
    add(chart, "text", layer.block, x=right, y=top + 13, **told)
    branches = table.shape[1]
    even, bottom = _across(1 / branches), top + _NAME + _LINE * branches
    y1, y2 = top + _NAME, bottom
    add(chart, "line", class_="limit", x1=even, x2=even, y1=y1, y2=y2)
    for number in range(branches):
        y = top + _NAME + _LINE * (number + 0.5)
        _draw_branch(chart, table[:, number], number, names[number], y)


def _across(share: float) -> str:
    return across(_SPAN[0] + (_SPAN[1] - _SPAN[0]) * Axis(0, 1).place(share))


def _draw_branch(
    chart: Element, shares: Numbers, number: int, name: str, y: float
) -> None:
    group = add(chart, "g", class_=f"tone-{number % _TONES + 1}")
    mean = float(shares.mean())
    add(group, "title", f"{name}: {mean:.3f}")
    for look, low, high in (("whole", 0.0, 1.0), ("thick", 0.25, 0.75)):
        x1, x2 = (_across(float(np.quantile(shares, end))) for end in (low, high))
        add(group, "line", class_=look, x1=x1, x2=x2, y1=y, y2=y)
    spot = add(group, "svg", x=_across(mean), y=y, overflow="visible")
    add(spot, "path", class_="dot", d=_MARKS[number % len(_MARKS)])
