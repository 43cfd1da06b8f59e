"""Which test images the gallery of a comparison shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np

from foveate.records import PLAIN
from foveate.study.look_scores import BySeed

__all__ = ["EXTREMES", "FIRST", "Chosen", "choose"]

FIRST = 3
"""So many images stand there whatever came of them."""

EXTREMES = 2
"""So many in which blocks gain most, and as many in which they lose most."""


class Chosen(NamedTuple):
    """An image of a gallery; see ``records.GalleryRow``."""

    image: int
    why: Literal["first", "gain", "lose"]
    gain: float | None


def choose(seen: Mapping[str, BySeed]) -> list[Chosen]:
    """Return the images of a gallery: the first, then the extremes.

    The extremes are those in which the energy inside the box, the mean over blocks and
    seeds, is furthest above and below that of the plain host, of those after the
    first. An image in which nothing changes is no extreme; of equal ones the earlier
    is taken.

    Args:
        seen: What was seen, by label and seed.
    """
    gains = _gains(seen)
    if gains is None:
        count = min(len(one.heats) for mine in seen.values() for one in mine.values())
        return [Chosen(image, "first", None) for image in range(min(FIRST, count))]
    later = range(FIRST, len(gains))
    most = [n for n in sorted(later, key=lambda n: -gains[n]) if gains[n] > 0]
    least = [n for n in sorted(later, key=lambda n: gains[n]) if gains[n] < 0]
    return [
        *(Chosen(n, "first", gains[n]) for n in range(min(FIRST, len(gains)))),
        *(Chosen(n, "gain", gains[n]) for n in most[:EXTREMES]),
        *(Chosen(n, "lose", gains[n]) for n in least[:EXTREMES]),
    ]


def _gains(seen: Mapping[str, BySeed]) -> list[float] | None:
    """Return by how much blocks change the energy of each image, or None."""
    plain = seen.get(PLAIN, {})
    pairs = [
        one.scores["energy"] - plain[seed].scores["energy"]
        for label, mine in seen.items()
        if label != PLAIN
        for seed, one in mine.items()
        if seed in plain
    ]
    if not pairs:
        return None
    gains: list[float] = np.mean(pairs, axis=0).tolist()
    return gains
