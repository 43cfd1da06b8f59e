"""Take places out of images by their rank, and watch the probability of a class."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.random import RandomState
from numpy.typing import NDArray
from torch import Tensor, nn

from foveate import _checks
from foveate.errors import OptionError, ShapeError
from foveate.explain._frames import Heats, Values, values_at
from foveate.explain._network import alone
from foveate.explain.answers import probabilities_of
from foveate.surgery.running import device_and_dtype, undisturbed

__all__ = ["Changes", "Numbers", "Ranks", "Trial", "watched"]

Numbers = NDArray[np.float64]

Ranks = NDArray[np.int64]
"""The rank of each place of each image, ``(N, H, W)``: 0 is the highest of its map."""

Changes = Callable[[Tensor, Ranks, int], Iterator[Tensor]]
"""Called with some images, their ranks, and the number of the first of them; yields the
images as they are changed, step by step."""

IMAGE_DIMS = 4
ANSWER_DIMS = 2
FEWEST_CLASSES = 2


class Trial(NamedTuple):
    """What is tried.

    Attributes:
        owner: Who asks.
        model: A classifier.
        x: Images, ``(N, C, H, W)``.
        heats: A map an image.
        categories: A class an image.
    """

    owner: str
    model: nn.Module
    x: Tensor
    heats: Heats
    categories: Sequence[int]


def watched(trial: Trial, changes: Changes, *, batch_size: int, seed: int) -> Numbers:
    """Return the probability of each image's class at each step, ``(N, steps)``.

    The network is left as it was. The batch an image is in changes nothing.

    Raises:
        OptionError: ``batch_size`` is not greater than 0, or there is no such class.
        ShapeError: Images, maps and classes do not fit each other, or the network does
            not answer with logits.
    """
    owner, model, x, heats, categories = trial
    _checks.positive(owner, batch_size=batch_size)
    if not isinstance(x, Tensor) or x.ndim != IMAGE_DIMS or not x.numel():
        came = tuple(x.shape) if isinstance(x, Tensor) else type(x).__name__
        raise ShapeError(f"{owner}: x must be images, (N, C, H, W), got {came}.")
    values = values_at(owner, heats, (x.shape[2], x.shape[3]))
    if not len(values) == len(categories) == len(x):
        raise ShapeError(
            f"{owner}: each image needs one heat map and one class, got {len(x)} "
            f"images, {len(values)} maps and {len(categories)} classes."
        )
    device, dtype = device_and_dtype(model)
    if device.type == "meta":
        raise OptionError(
            f"{owner}: the network is on the meta device, where it has no values. Load "
            "its weights on another, such as cpu."
        )
    seen = []
    with alone(model), undisturbed(model):
        for first in range(0, len(x), batch_size):
            part = slice(first, first + batch_size)
            images = x[part].detach().to(device, dtype)
            ranks = _ranks(values[part], first, seed)
            wanted = [int(category) for category in categories[part]]
            steps = [
                _logits(owner, model(changed), wanted)
                for changed in changes(images, ranks, first)
            ]
            seen.append(_probabilities(owner, torch.stack(steps, dim=1), wanted))
    probabilities: Numbers = torch.cat(seen).cpu().numpy()
    return probabilities


def _ranks(values: Values, first: int, seed: int) -> Ranks:
    """Return the rank of each place; those that are tied follow each other by chance.

    In the order of rows, a flat map would take its images out from the top.
    """
    ranks = np.empty(values.shape, np.int64)
    places = values[0].size
    for number, (flat, rank) in enumerate(zip(values, ranks, strict=True), first):
        drawn = RandomState([seed, number]).random_sample(places)
        rank.ravel()[np.lexsort((drawn, -flat.ravel()))] = np.arange(places)
    return ranks


def _logits(owner: str, output: Any, categories: Sequence[int]) -> Tensor:
    """Return what a network answers to images, ``(N, classes)``."""
    logits = getattr(output, "logits", output)
    fits = isinstance(logits, Tensor) and logits.ndim == ANSWER_DIMS
    if not fits or logits.shape[1] < FEWEST_CLASSES:
        came = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits)
        raise ShapeError(
            f"{owner}: the network must be a classifier that answers with logits, "
            f"(N, classes), for two classes or more; it answered with {came}."
        )
    classes = logits.shape[1]
    wrong = [category for category in categories if not 0 <= category < classes]
    if wrong:
        raise OptionError(
            f"{owner}: categories must be from 0 to {classes - 1}, as the network has "
            f"{classes} classes, got {wrong[0]}."
        )
    found: Tensor = logits
    return found


def _probabilities(owner: str, logits: Tensor, categories: Sequence[int]) -> Tensor:
    """Return what a network gives to one class for each image, ``(N, steps)``.

    Args:
        owner: Who asks.
        logits: Of all steps, ``(N, steps, classes)``: those of one step may look like
            probabilities by chance, and a curve must be of one kind.
        categories: A class an image.
    """
    probabilities = probabilities_of(logits, torch.float64)
    if not probabilities.isfinite().all():
        raise ShapeError(
            f"{owner}: the network answered with numbers that are not finite. Run it "
            "in a wider precision, such as float32."
        )
    chosen = torch.tensor(list(categories), device=logits.device)
    wanted = chosen[:, None, None].expand(-1, logits.shape[1], 1)
    return probabilities.gather(2, wanted)[:, :, 0]
