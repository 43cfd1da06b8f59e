"""How much a network's answer hangs on the places where a heat map is high.

No box is needed: places are taken out of an image by their rank in its map, and the
probability of the class is watched. Places that are tied follow each other by chance.
Beside each score belongs that of ``random_heats``, maps that know nothing.

Source: insertion and deletion are of Petsiuk, Das, Saenko (2018), RISE,
https://arxiv.org/abs/1806.07421, section 4.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.random import RandomState
from torch import Tensor, nn

from foveate.explain._frames import Heats, Values
from foveate.explain._grounds import (
    Ground,
    area_under,
    check_curve,
    grounds,
    highest_first,
)
from foveate.explain._removing import Numbers, Ranks, Trial, watched

__all__ = [
    "Ground",
    "deletion",
    "insertion",
    "random_heats",
]


def insertion(
    model: nn.Module,
    x: Tensor,
    heats: Heats,
    categories: Sequence[int],
    *,
    steps: int = 20,
    ground: Ground = "blur",
    batch_size: int = 64,
    seed: int = 0,
) -> Numbers:
    """Return how soon a class is seen as places are put in, the highest first.

    It is the area under the curve of the class's probability over the share of places
    that are there, from 0 to 1: higher is better.

    Args:
        model: A classifier that answers with logits, ``(N, classes)``.
        x: Images as it takes them, ``(N, C, H, W)``.
        heats: A map an image, arrays or ``HeatMap``, at any resolution.
        categories: The class that each map is for.
        steps: In how many equal steps all places come in.
        ground: What a place shows before: ``blur`` or ``mean``.
        batch_size: How many images are run at once.
        seed: Of the order of places that are tied.

    Returns:
        One number an image, ``(N,)``.

    Raises:
        OptionError: An option has no such value, or there is no such class.
        ShapeError: Images, maps and classes do not fit each other, or the network does
            not answer with logits.
    """
    check_curve("insertion", steps, ground)

    def changes(images: Tensor, ranks: Ranks, _: int) -> Iterator[Tensor]:
        empty = grounds(images, ground)
        for there in highest_first(ranks, steps, images):
            yield torch.where(there, images, empty)

    trial = Trial("insertion", model, x, heats, categories)
    seen = watched(trial, changes, batch_size=batch_size, seed=seed)
    return area_under(seen)


def deletion(
    model: nn.Module,
    x: Tensor,
    heats: Heats,
    categories: Sequence[int],
    *,
    steps: int = 20,
    ground: Ground = "mean",
    batch_size: int = 64,
    seed: int = 0,
) -> Numbers:
    """Return how long a class is seen as places are taken out, the highest first.

    It is the area under the curve of the class's probability over the share of places
    that are gone, from 0 to 1: lower is better.

    Args:
        model: As for ``insertion``.
        x: As for ``insertion``.
        heats: As for ``insertion``.
        categories: As for ``insertion``.
        steps: In how many equal steps all places go.
        ground: What a place shows then: ``blur`` or ``mean``.
        batch_size: As for ``insertion``.
        seed: As for ``insertion``.

    Returns:
        One number an image, ``(N,)``.

    Raises:
        OptionError: As for ``insertion``.
        ShapeError: As for ``insertion``.
    """
    check_curve("deletion", steps, ground)

    def changes(images: Tensor, ranks: Ranks, _: int) -> Iterator[Tensor]:
        empty = grounds(images, ground)
        for gone in highest_first(ranks, steps, images):
            yield torch.where(gone, empty, images)

    trial = Trial("deletion", model, x, heats, categories)
    seen = watched(trial, changes, batch_size=batch_size, seed=seed)
    return area_under(seen)


def random_heats(count: int, size: tuple[int, int], seed: int = 0) -> Values:
    """Return maps that know nothing, ``(count, *size)``: each place at random.

    Example:
        >>> random_heats(3, (4, 5)).shape
        (3, 4, 5)
    """
    return RandomState(seed).random_sample((count, *size)).astype(np.float32)
