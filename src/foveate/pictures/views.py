"""Turn the maps of a block into what can be shown of each image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from foveate.errors import ShapeError
from foveate.pictures.heat_map import Kind

__all__ = ["Heat", "Mean", "Numbers", "Views", "finite", "views_of"]

Numbers = NDArray[np.float32]

Values: TypeAlias = Any
"""An array, or a tensor of any framework that is indexed as one."""

Mean = Callable[[Values, tuple[int, ...]], NDArray[np.floating]]
"""The mean over some axes, not taken in half precision.

A framework takes it where its tensors are, so that no whole map is copied.
"""

CROSSED = "row x column"

MAP_DIMS = 4
BRANCH_DIMS = 5


class Heat(NamedTuple):
    """One heat map of each image of a batch.

    Attributes:
        source: Which of the maps it is.
        kind: What its numbers mean.
        values: ``(B, h, w)``.
    """

    source: str
    kind: Kind
    values: Numbers


@dataclass
class Views:
    """What the maps of a block show of each image of a batch.

    Attributes:
        heat: Heat maps.
        gates: By source, by what each channel is multiplied, ``(B, C)``.
        branches: By source, how the block shares out its branches, ``(B, K)``.
        unknown: In words, the maps that have no view.
    """

    heat: list[Heat] = field(default_factory=list)
    gates: dict[str, Numbers] = field(default_factory=dict)
    branches: dict[str, Numbers] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)


def views_of(
    maps: Mapping[str, Values], channels: int, block: str, mean: Mean
) -> Views:
    """Return what the maps of a block show.

    - ``spatial``, ``(B, 1, H, W)``: a heat map of gates.
    - ``channel``, ``(B, C, 1, 1)``: channel gates.
    - ``full``, ``channel_full``, ``spatial_full``, ``(B, C, H, W)``: the mean over
      channels as a heat map, the mean over places as channel gates.
    - ``row`` and ``column``: the same of their product.
    - ``branch``, ``(B, K, C, h, w)``: the mean over channels and places; where it
      varies over places, also a heat map for each branch, its mean over channels.
    - ``parts``, ``(B, K, C, H, W)``, what each input adds to a sum: the mean of its
      absolute values as a heat map, and as a share of that of all.
    - ``attention``, ``(B, heads, h, w)``: the mean over heads as a heat map of shares.

    A map of another name is taken by its shape, as one of the first three.

    Args:
        maps: What ``block.maps`` returns, channels before height and width.
        channels: Channels of the block's input.
        block: Whom an error names.
        mean: How the mean of such a map is taken.

    Raises:
        ShapeError: A value is not finite.
    """
    views = Views()
    rest = dict(maps)
    if {"row", "column"} <= rest.keys():
        take = _checked(mean, f"{block}: map '{CROSSED}'")
        _add_crossed(views, rest.pop("row"), rest.pop("column"), take)
    for name, value in rest.items():
        add = _adder(name, tuple(value.shape), channels)
        if add is None:
            shape = ", ".join(map(str, value.shape))
            views.unknown.append(f"'{name}' ({shape})")
        else:
            add(views, name, value, _checked(mean, f"{block}: map '{name}'"))
    return views


def finite(values: NDArray[np.floating], whose: str) -> Numbers:
    """Return numbers as float32.

    Raises:
        ShapeError: One of them is not finite.
    """
    if not np.isfinite(values).all():
        raise ShapeError(
            f"{whose} has a value that is not finite. Run the network in a wider "
            "precision, such as float32."
        )
    return values.astype(np.float32, copy=False)


Take = Callable[[Values, tuple[int, ...]], Numbers]
Adder = Callable[[Views, str, Values, Take], None]


def _checked(mean: Mean, whose: str) -> Take:
    return lambda value, axes: finite(mean(value, axes), whose)


def _adder(name: str, shape: tuple[int, ...], channels: int) -> Adder | None:
    """Return what shows a map of a name and shape; None if nothing does."""
    if len(shape) == BRANCH_DIMS:
        return BY_BRANCH.get(name)
    if len(shape) != MAP_DIMS:
        return None
    if name == "attention":
        return _add_attention
    fitting = {
        "channel": shape[1:] == (channels, 1, 1),
        "spatial": shape[1] == 1,
        "full": shape[1] == channels,
    }
    # a map may fit several, as one of a single channel does
    kinds = ["full" if name in FULL else name, *fitting]
    return next((BY_SHAPE[kind] for kind in kinds if fitting.get(kind)), None)


def _add_spatial(views: Views, name: str, value: Values, take: Take) -> None:
    views.heat.append(Heat(name, "gate", take(value, (1,))))


def _add_channel(views: Views, name: str, value: Values, take: Take) -> None:
    views.gates[name] = take(value, (2, 3))


def _add_full(views: Views, name: str, value: Values, take: Take) -> None:
    _add_spatial(views, name, value, take)
    _add_channel(views, name, value, take)


def _add_attention(views: Views, name: str, value: Values, take: Take) -> None:
    views.heat.append(Heat(name, "share", take(value, (1,))))


def _add_branch(views: Views, name: str, value: Values, take: Take) -> None:
    views.branches[name] = take(value, (2, 3, 4))
    if value.shape[3] * value.shape[4] > 1:
        _add_each(views, "branch", "gate", take(value, (2,)))


def _add_parts(views: Views, name: str, value: Values, take: Take) -> None:
    sizes = take(abs(value), (2,))
    means = sizes.mean(axis=(2, 3))
    total = means.sum(axis=1, keepdims=True)
    # where all parts are 0 none has more than another
    even = np.full_like(means, 1 / means.shape[1])
    views.branches[name] = np.divide(means, total, out=even, where=total > 0)
    _add_each(views, "part", "activation", sizes)


def _add_each(views: Views, word: str, kind: Kind, values: Numbers) -> None:
    """Add a heat map for each of K branches, ``(B, K, H, W)``."""
    views.heat += [
        Heat(f"{word} {number + 1}", kind, values[:, number])
        for number in range(values.shape[1])
    ]


def _add_crossed(views: Views, row: Values, column: Values, take: Take) -> None:
    """Add the product of ``(B, C, H, 1)`` and ``(B, C, 1, W)``, without making it."""
    rows, columns = take(row, (3,)), take(column, (2,))
    product = rows.transpose(0, 2, 1) @ columns / np.float32(rows.shape[1])
    views.heat.append(Heat(CROSSED, "gate", product))
    views.gates[CROSSED] = rows.mean(axis=2) * columns.mean(axis=2)


FULL = ("channel_full", "spatial_full")
BY_SHAPE: Mapping[str, Adder] = {
    "channel": _add_channel,
    "spatial": _add_spatial,
    "full": _add_full,
}
BY_BRANCH: Mapping[str, Adder] = {"branch": _add_branch, "parts": _add_parts}
