"""How much of a heat map lies on an object whose box or mask is known.

Three scores, each from 0 to 1, and each beside its chance level: what the same maps
score on the objects of *other* images. A network that looks at the middle of every
image, where most objects are, gains nothing over chance.

Places that are tied share what they score, so a flat map scores what a blind guess
does, and so does a map of only zeros, which is counted.

Sources: energy inside is the energy-based pointing game of Wang et al. (2020),
https://arxiv.org/abs/1910.01279, section 4.3; the pointing game is of Zhang et al.
(2018), https://arxiv.org/abs/1608.00507, section 4.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foveate import _checks
from foveate.errors import ShapeError
from foveate.explain._frames import Heat, Heats, Mask, Values, framed
from foveate.explain._scoring import energy, grown, highest, overlap, shares_of
from foveate.pictures.heat_map import resized

__all__ = [
    "METRICS",
    "Localised",
    "energy_inside",
    "iou_at_quantile",
    "localise",
    "pointing_game",
]

METRICS = ("energy", "pointing", "iou")

MOST_OTHERS = 32
"""On the objects of how many other images the overlap of a map is scored, for chance;
of the other two scores it is all, as their mean is the score on the mean mask."""

FEWEST_IMAGES = 2

Numbers = NDArray[np.float64]
Size = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Localised:
    """How well the maps of some images find their objects.

    Attributes:
        scores: Of each of ``METRICS``, one number an image, ``(N,)``.
        chance: The same for the same map on the objects of the other images.
        area: The share of each image that its object covers, ``(N,)``.
        empty: Whether a map is of only zeros, ``(N,)``; it scores as a flat one.
    """

    scores: Mapping[str, Numbers]
    chance: Mapping[str, Numbers]
    area: Numbers
    empty: Mask

    def gains(self, metric: str) -> Numbers:
        """Return by how much each image scores above chance, ``(N,)``.

        Args:
            metric: One of ``METRICS``.

        Raises:
            OptionError: There is no such metric.
        """
        _checks.one_of("gains", METRICS, metric=metric)
        return self.scores[metric] - self.chance[metric]


def energy_inside(heat: Heat, inside: ArrayLike, *, size: Size | None = None) -> float:
    """Return which share of a map lies inside.

    Args:
        heat: ``(h, w)``, of the whole image, none below 0.
        inside: A mask, bool, ``(H, W)``, or a box: left, top, right and bottom in
            pixels, right and bottom the first outside.
        size: Height and width of the image, to which the map is resized. None: those
            of the mask, or with a box those of the map.

    Raises:
        ShapeError: The map or the object is not such, or lies outside the image.

    Example:
        >>> energy_inside([[3.0, 1.0], [0.0, 0.0]], (0, 0, 1, 2))
        0.75
    """
    values, masks = _pair("energy_inside", heat, inside, size)
    return energy(shares_of(values), masks[0])


def pointing_game(
    heat: Heat, inside: ArrayLike, *, size: Size | None = None, tolerance: int = 0
) -> float:
    """Return 1 if the highest place of a map lies inside, else 0.

    Of several highest places, it is the share of them that lies inside.

    Args:
        heat: As for ``energy_inside``.
        inside: As for ``energy_inside``.
        size: As for ``energy_inside``.
        tolerance: So many pixels beside the object still count as inside.

    Raises:
        OptionError: ``tolerance`` is no whole number from 0 on.
        ShapeError: As for ``energy_inside``.

    Example:
        >>> pointing_game([[3.0, 1.0], [3.0, 0.0]], (0, 0, 2, 1))
        0.5
    """
    values, masks = _pair("pointing_game", heat, inside, size)
    near = grown(masks, _radius("pointing_game", tolerance))
    return energy(highest(values), near[0])


def iou_at_quantile(
    heat: Heat,
    inside: ArrayLike,
    *,
    size: Size | None = None,
    quantile: float | None = None,
) -> float:
    """Return the overlap of the highest places with the object, over their union.

    Args:
        heat: As for ``energy_inside``.
        inside: As for ``energy_inside``.
        size: As for ``energy_inside``.
        quantile: The highest places are those above it: with 0.8 the highest fifth.
            None: as many as the object has, so that 1 can be reached.

    Raises:
        OptionError: ``quantile`` is not from 0 to below 1.
        ShapeError: As for ``energy_inside``.

    Example:
        >>> round(iou_at_quantile([[3.0, 1.0], [2.0, 0.0]], (0, 0, 2, 1)), 3)
        0.333
    """
    values, masks = _pair("iou_at_quantile", heat, inside, size)
    kept = _kept("iou_at_quantile", masks, quantile)
    return float(overlap(values, masks, kept)[0])


def localise(
    heats: Heats,
    inside: ArrayLike,
    *,
    size: Size | None = None,
    tolerance: int = 0,
    quantile: float | None = None,
) -> Localised:
    """Score the maps of some images by their objects, and by those of the others.

    Args:
        heats: One an image, arrays or ``HeatMap``, at any resolution.
        inside: Masks, bool, ``(N, H, W)``, or boxes, ``(N, 4)``.
        size: As for ``energy_inside``.
        tolerance: As for ``pointing_game``.
        quantile: As for ``iou_at_quantile``.

    Raises:
        OptionError: As for the three scores.
        ShapeError: As for ``energy_inside``; or there are fewer than two images, as
            chance needs the objects of others.
    """
    values, masks = framed("localise", heats, inside, size)
    if len(values) < FEWEST_IMAGES:
        raise ShapeError(
            f"localise: got {len(values)} images. Chance is what a map scores on the "
            "objects of other images: give at least 2, or call energy_inside."
        )
    near = grown(masks, _radius("localise", tolerance))
    kept = _kept("localise", masks, quantile)
    mean, mean_near = masks.mean(axis=0), near.mean(axis=0)
    rows = []
    for i, others in enumerate(_others(len(values))):
        heat = resized(values[i], masks.shape[1:])
        shares, peaks = shares_of(heat), highest(heat)
        few = [i, *others]
        own, *theirs = overlap(heat, masks[few], kept[few])
        rows.append(
            (
                *(energy(shares, m) for m in (masks[i], _without(mean, masks, i))),
                *(energy(peaks, m) for m in (near[i], _without(mean_near, near, i))),
                *(own, float(np.mean(theirs))),
            )
        )
    columns = np.array(rows).T
    return Localised(
        scores=dict(zip(METRICS, columns[0::2], strict=True)),
        chance=dict(zip(METRICS, columns[1::2], strict=True)),
        area=masks.mean(axis=(1, 2)),
        empty=np.array([not one.any() for one in values]),
    )


def _pair(
    owner: str, heat: Heat, inside: ArrayLike, size: Size | None
) -> tuple[Values, Mask]:
    """Return one map at the size of the image, and its mask, ``(1, H, W)``."""
    values, masks = framed(owner, [heat], np.asarray(inside)[None], size)
    return resized(values[0], masks.shape[1:]), masks


def _without(mean: Numbers, masks: Mask, i: int) -> Numbers:
    """Return the mean mask of all images but one."""
    count = len(masks)
    others: Numbers = (mean * count - masks[i]) / (count - 1)
    return others


def _others(images: int) -> NDArray[np.intp]:
    """Return for each image the places of others, evenly spread, ``(N, K)``."""
    count = min(MOST_OTHERS, images - 1)
    steps = 1 + np.arange(count) * (images - 1) // count
    places: NDArray[np.intp] = (np.arange(images)[:, None] + steps) % images
    return places


def _kept(owner: str, masks: Mask, quantile: float | None) -> Numbers:
    """Return how many places count as the highest, for each mask."""
    if quantile is None:
        own: Numbers = masks.sum(axis=(1, 2)).astype(np.float64)
        return own
    _checks.share(owner, quantile=quantile)
    kept: Numbers = np.full(len(masks), (1 - quantile) * masks[0].size)
    return kept


def _radius(owner: str, tolerance: int) -> int:
    if tolerance != 0 or isinstance(tolerance, bool):
        _checks.positive(owner, tolerance=tolerance)
    return tolerance
