"""Whether networks that differ in their random seed alone look at the same places.

The rank correlation of the maps of one image is flattered by what all maps share:
networks agree that the middle matters, image or no image. So the mean map of each
network is taken off before they are compared: what is left is what it sees in this
image and not in others. Untrained networks still agree a little, as all follow what is
bright; theirs is the level to compare with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from foveate.errors import ShapeError
from foveate.explain._frames import Heats, Values, values_of
from foveate.pictures.heat_map import resized

__all__ = ["Agreement", "agreement"]

Numbers = NDArray[np.float64]

FEWEST = 2

ROUNDING = 1e-9
"""A length below it, of maps whose ranks have length 1, is a rounding of 0."""


@dataclass(frozen=True, eq=False)
class Agreement:
    """How alike the maps of the same images are between networks.

    Attributes:
        pairs: Which two networks were compared, by their places.
        own: The correlation of what two maps show beyond the mean map of their network,
            from -1 to 1, ``(pairs, N)``; of unrelated maps it is 0 in the mean.
        whole: Spearman's rank correlation of the maps as they are, ``(pairs, N)``.
        flat: How many maps of each network are flat, ``(networks,)``; such a map agrees
            with none: its correlations are 0.
    """

    pairs: tuple[tuple[int, int], ...]
    own: Numbers
    whole: Numbers
    flat: NDArray[np.int64]

    @property
    def mean(self) -> float:
        """The mean of ``own`` over pairs and images."""
        return float(self.own.mean())

    @property
    def lowest(self) -> float:
        """The mean of ``own`` over images, of the pair that agrees least."""
        return float(self.own.mean(axis=1).min())

    @property
    def highest(self) -> float:
        """The mean of ``own`` over images, of the pair that agrees most."""
        return float(self.own.mean(axis=1).max())


def agreement(heats_by_seed: Sequence[Heats]) -> Agreement:
    """Compare the maps that several networks make of the same images.

    Ranks are averaged over ties. Maps of different resolutions are resized to the
    finest.

    Args:
        heats_by_seed: For each network its maps, arrays or ``HeatMap``, of the same
            images in the same order.

    Raises:
        ShapeError: There are fewer than two networks or two images, networks have
            different numbers of maps, or a map is not one.

    Example:
        >>> first = [[[0, 1], [2, 3]], [[3, 1], [2, 0]]]
        >>> same = agreement([first, first])
        >>> round(same.mean, 3)
        1.0
    """
    values = [values_of("agreement", heats) for heats in heats_by_seed]
    counts = [len(one) for one in values]
    if len(counts) < FEWEST or min(counts) < FEWEST or len(set(counts)) > 1:
        raise ShapeError(
            "agreement: at least two networks and two images are needed, and as many "
            f"maps of each network; got {len(counts)} networks with {counts} maps."
        )
    shapes = {one.shape for maps in values for one in maps}
    finest = max(shapes, key=lambda shape: (shape[0] * shape[1], shape))
    ranks = [np.stack([_ranks(resized(m, finest)) for m in maps]) for maps in values]
    whole = [_of_length_one(one) for one in ranks]
    # flat maps say nothing, neither of this image nor of all
    own = [_of_length_one(_beyond_the_mean(one)) for one in whole]
    pairs = tuple(combinations(range(len(counts)), 2))
    return Agreement(
        pairs=pairs,
        own=_correlations(own, pairs),
        whole=_correlations(whole, pairs),
        flat=np.array([int((~one.any(axis=1)).sum()) for one in whole]),
    )


def _ranks(values: Values) -> Numbers:
    """Return the ranks of the places of a map, less their mean, ``(places,)``."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    last = count.cumsum()
    rank = last - (count - 1) / 2
    ranks: Numbers = rank[place].ravel()
    return ranks - (values.size + 1) / 2


def _of_length_one(rows: Numbers) -> Numbers:
    """Return rows over their lengths; those of no length stay 0."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.where(length > ROUNDING, rows / np.maximum(length, ROUNDING), 0.0)


def _beyond_the_mean(rows: Numbers) -> Numbers:
    """Return rows less the mean of all that are not flat; flat ones stay 0."""
    said = rows.any(axis=1, keepdims=True)
    mean = rows.sum(axis=0) / max(int(said.sum()), 1)
    return np.where(said, rows - mean, 0.0)


def _correlations(rows: Sequence[Numbers], pairs: Sequence[tuple[int, int]]) -> Numbers:
    return np.array([(rows[a] * rows[b]).sum(axis=1) for a, b in pairs])
