"""What images show where a place is not there, and the curves that come of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor

from foveate import _checks
from foveate.explain._removing import Numbers, Ranks

__all__ = [
    "Ground",
    "area_under",
    "check_curve",
    "grounds",
    "highest_first",
]

Ground = Literal["blur", "mean"]
"""What a place shows that is not there: the image blurred, or the mean of it."""

GROUNDS: tuple[Ground, ...] = ("blur", "mean")

BLUR = 8
"""The blur's standard deviation is the longer side by this, that no object is left."""


def check_curve(owner: str, steps: int, ground: str) -> None:
    """Raise OptionError unless the options of a curve can be."""
    _checks.positive(owner, steps=steps)
    _checks.one_of(owner, GROUNDS, ground=ground)


def grounds(images: Tensor, ground: Ground) -> Tensor:
    """Return what is left of images where a place is not there."""
    if ground == "mean":
        return images.mean(dim=(2, 3), keepdim=True)
    deviation = max(images.shape[2:]) / BLUR
    return _blurred(_blurred(images, deviation, along=2), deviation, along=3)


def _blurred(images: Tensor, deviation: float, along: int) -> Tensor:
    """Return images under a Gaussian along one axis; at a border what is there counts.

    As a product with a matrix, which has no border to fill in.
    """
    place = torch.arange(images.shape[along], device=images.device).double()
    apart = (place[:, None] - place) / deviation
    weights = (-(apart**2) / 2).softmax(dim=1).to(images)
    return (images.movedim(along, -1) @ weights.T).movedim(-1, along)


def highest_first(ranks: Ranks, steps: int, images: Tensor) -> Iterator[Tensor]:
    """Yield which places are among the highest, from none to all in equal steps."""
    order = torch.from_numpy(ranks).to(images.device)[:, None]
    for step in range(steps + 1):
        yield order < round(ranks[0].size * step / steps)


def area_under(curves: Numbers) -> Numbers:
    """Return the area under curves over equal steps from 0 to 1, by trapezoids."""
    middles: Numbers = (curves[:, 1:] + curves[:, :-1]) / 2
    area: Numbers = middles.mean(axis=1)
    return area
