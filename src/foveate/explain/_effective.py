"""Measure by what a layer multiplies its input, where it does not say so itself."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from foveate.errors import ShapeError

__all__ = [
    "CHANNEL",
    "SPATIAL",
    "Effect",
    "Effort",
    "Shown",
    "effect_of",
]

Numbers = NDArray[np.float32]

CHANNEL = "effective channel"
SPATIAL = "effective spatial"

PURE = 1e-3
"""Up to this share of the effect may be left by a gate that counts as all of it."""

LEAST = 0.05
"""A gate that explains less of the effect is not shown."""

ROUNDING = 4.0
"""How many times the rounding of the layer's numbers counts as nothing."""

Shown = Literal["unseen", "constant", "channel", "spatial", "both", "none"]
"""What stands for a layer: nothing, as it got only zeros; its channel gates alone, as
it multiplies all by one number or each channel by one; its spatial gates; both, of
which none is all; or neither."""


class Effort(NamedTuple):
    """How much a layer does to its input beyond multiplying all of it by one number.

    Each is a sum of squares, of the output less what it is compared with.

    Attributes:
        total: The input times the one number of each image that fits best.
        by_channel: The input times the channel gates of each image that fit best.
        by_place: The input times the spatial gates that fit best.
        rounding: What the precision of the output may leave of any.
        got: The sum of squares of the input itself.
    """

    total: float = 0.0
    by_channel: float = 0.0
    by_place: float = 0.0
    rounding: float = 0.0
    got: float = 0.0

    def plus(self, other: Effort) -> Effort:
        """Return the sums over the images of both."""
        return Effort(*(a + b for a, b in zip(self, other, strict=True)))

    def explained(self) -> tuple[float, float]:
        """Return which share of the effect channel and spatial gates explain."""
        if self.total <= 0:
            return 1.0, 1.0
        left = (self.by_channel, self.by_place)
        more = [max(0.0, each - ROUNDING * self.rounding) for each in left]
        by_channel, by_place = (1 - min(1.0, each / self.total) for each in more)
        return by_channel, by_place

    def shown(self) -> Shown:
        """Return which gates stand for the layer."""
        nothing = ROUNDING * self.rounding
        if self.got == 0:
            return "unseen"
        if self.total <= nothing:
            return "constant"
        pure = max(PURE * self.total, nothing)
        if self.by_channel <= pure:
            return "channel"
        if self.by_place <= pure:
            return "spatial"
        shares = [share >= LEAST for share in self.explained()]
        if all(shares):
            return "both"
        return "channel" if shares[0] else "spatial" if shares[1] else "none"


class Effect(NamedTuple):
    """What a layer does to a batch of images.

    Attributes:
        channel: ``(B, C)``: by what each channel is multiplied; NaN if it is only 0.
        spatial: ``(B, H, W)``: by what each place is multiplied; where all channels are
            0, the one number that fits the image best. NaN if all of an image is 0.
        effort: How much the layer does, and how much of it the gates leave.
        silent: How many channels and how many places were only 0.
    """

    channel: Numbers
    spatial: Numbers
    effort: Effort
    silent: tuple[int, int]


def effect_of(x: Tensor, y: Tensor, layer: str) -> Effect:
    """Return the gates that take ``x`` nearest to ``y``, by least squares.

    For a channel it is ``<y, x> / <x, x>`` over its places, for a place the same over
    its channels. Of a layer that multiplies each channel by a number, the first is that
    number; of one that multiplies each place by one, the second is. Of any other, both
    are summaries.

    Args:
        x: What the layer gets, ``(B, C, H, W)``.
        y: What it returns, of the same shape.
        layer: Whom an error names.

    Raises:
        ShapeError: A value is not finite.

    Example:
        >>> x = torch.tensor([[[[1.0, 2.0]], [[0.0, 3.0]]]])
        >>> gate = torch.tensor([0.5, 0.25]).view(1, 2, 1, 1)
        >>> effect_of(x, gate * x, "the layer").channel.tolist()
        [[0.5, 0.25]]
    """
    if not (x.isfinite().all() and y.isfinite().all()):
        raise ShapeError(
            f"{layer}: a value of what it gets or returns is not finite. Run the "
            "network in a wider precision, such as float32."
        )
    rounding = torch.finfo(y.dtype).eps ** 2
    # one image at a time, as twice the precision takes much memory
    each = [_of_image(a, b, rounding) for a, b in zip(x, y, strict=True)]
    effort, silent = Effort(), np.zeros(2, dtype=int)
    for _, _, done, quiet in each:
        effort, silent = effort.plus(done), silent + quiet
    channel = torch.stack([image[0] for image in each]).float().cpu().numpy()
    spatial = torch.stack([image[1] for image in each]).float().cpu().numpy()
    return Effect(channel, spatial, effort, (int(silent[0]), int(silent[1])))


def _of_image(
    x: Tensor, y: Tensor, rounding: float
) -> tuple[Tensor, Tensor, Effort, tuple[int, int]]:
    x, y = x.double(), y.double()
    squares, products = x.square(), x * y
    size = y.square().sum()
    one, left = _fitted(products.sum(), squares.sum(), size)
    channel, by_channel = _fitted(products.sum((1, 2)), squares.sum((1, 2)), size)
    place, by_place = _fitted(products.sum(0), squares.sum(0), size)
    silent = (int(channel.isnan().sum()), int(place.isnan().sum()))
    efforts = (left, by_channel, by_place, rounding * size, squares.sum())
    sums = torch.stack(efforts).tolist()
    return channel, torch.where(place.isnan(), one, place), Effort(*sums), silent


def _fitted(products: Tensor, squares: Tensor, size: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gates that fit best, NaN where there is nothing to fit, and the rest.

    Args:
        products: ``<y, x>`` of each gate.
        squares: ``<x, x>`` of each gate.
        size: ``<y, y>`` of the image.
    """
    gates = products / squares.where(squares > 0, torch.nan)
    left = size - (products * gates).nansum()
    return gates, left
