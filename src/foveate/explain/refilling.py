"""How much a network's answer hangs on the places that are taken out of an image.

Source: ROAD is of Rong, Leemann, Borisov, Kasneci, Kasneci (2022),
https://arxiv.org/abs/2202.00449.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.random import RandomState
from torch import Tensor, nn

from foveate.errors import OptionError
from foveate.explain._frames import Heats
from foveate.explain._imputing import imputed
from foveate.explain._removing import Numbers, Ranks, Trial, watched

__all__ = [
    "road",
]

HUNDRED = 100


def road(
    model: nn.Module,
    x: Tensor,
    heats: Heats,
    categories: Sequence[int],
    *,
    percentiles: Sequence[float] = (20, 40, 60, 80),
    noise: float = 0.01,
    batch_size: int = 64,
    seed: int = 0,
) -> Numbers:
    """Return how much more a class suffers without the highest places than the lowest.

    The places are filled from their neighbours. The score is half of the class's
    probability without the lowest places less that without as many of the highest, in
    the mean over percentiles. Above 0, a map knows what matters.

    Args:
        model: As for ``insertion``.
        x: As for ``insertion``.
        heats: As for ``insertion``.
        categories: As for ``insertion``.
        percentiles: At each, the places above it are taken out: at 80 a fifth.
        noise: Standard deviation of what is added to places that are filled, in the
            units of ``x``.
        batch_size: As for ``insertion``.
        seed: Of the noise, and of the order of places that are tied.

    Returns:
        One number an image, ``(N,)``, from -0.5 to 0.5; random maps have 0 in the mean.

    Raises:
        OptionError: As for ``insertion``.
        ShapeError: As for ``insertion``.
        MissingExtraError: scipy is not installed.
    """
    if not len(percentiles) or not all(0 <= p < HUNDRED for p in percentiles):
        raise OptionError(
            "road: percentiles must be one or more numbers from 0 to below 100, such "
            f"as (20, 80), got {percentiles!r}."
        )
    if not 0 <= noise < float("inf"):
        raise OptionError(f"road: noise must be a number from 0 on, got {noise!r}.")

    def changes(images: Tensor, ranks: Ranks, first: int) -> Iterator[Tensor]:
        pixels = images.double().cpu().numpy()
        # the same for both orders, so that it is not a difference between them
        drawn = [
            noise * RandomState([seed, first + i, 1]).standard_normal(image.shape)
            for i, image in enumerate(pixels)
        ]
        places = ranks[0].size
        for percentile in percentiles:
            count = round(places * (1 - percentile / HUNDRED))
            for gone in (ranks >= places - count, ranks < count):
                filled = [
                    imputed(image, missing) + missing * extra
                    for image, missing, extra in zip(pixels, gone, drawn, strict=True)
                ]
                yield torch.from_numpy(np.stack(filled)).to(images)

    trial = Trial("road", model, x, heats, categories)
    seen = watched(trial, changes, batch_size=batch_size, seed=seed)
    score: Numbers = (seen[:, 0::2] - seen[:, 1::2]).mean(axis=1) / 2
    return score
