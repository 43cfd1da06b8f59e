"""Which class a map is for, and which pixels are of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from foveate.errors import OptionError

__all__ = ["check_class", "class_of_pixels"]


def check_class(number: int, count: int | None, whose: str = "network") -> None:
    """Raise OptionError unless there is a class of a number.

    Args:
        number: The number.
        count: How many classes there are; None if it is not known.
        whose: What has them.
    """
    if number >= 0 and (count is None or number < count):
        return
    has = "counts its classes from 0"
    if count is not None:
        has = f"has {count} classes, 0 to {count - 1}"
    if count == 1:
        has = "has one output, 0, that speaks for one of two classes"
    raise OptionError(f"targets: no class {number}: this {whose} {has}.")


def class_of_pixels(
    logits: NDArray[np.floating], wanted: int | None, name_of: Callable[[int], str]
) -> tuple[int, NDArray[np.bool_], str]:
    """Return a class, on which pixels it is predicted, and what to call that.

    A class that is predicted nowhere is on all pixels.

    Args:
        logits: Of an image, ``(K, H, W)``; of a single class from 0 to 1 all over,
            they have been through a sigmoid.
        wanted: The class; None: the one that most pixels have, 0 aside if there is
            another.
        name_of: What to call a class.

    Example:
        >>> logits = np.array([[[2.0, 0.0, 3.0]], [[1.0, 5.0, 0.0]]])
        >>> class_of_pixels(logits, None, "class {}".format)[2]
        'class 1 on 33% of the pixels, class 0 aside'
    """
    count = len(logits)
    is_share = bool((logits >= 0).all() and (logits <= 1).all())
    middle = 0.5 if is_share else 0.0
    predicted = logits.argmax(0) if count > 1 else (logits[0] <= middle).astype(int)
    aside, category = "", wanted
    if category is None:
        often = np.bincount(predicted.ravel(), minlength=count)[:count]
        others = count > 1 and bool(often[1:].any())
        category = int(often[1:].argmax()) + 1 if others else 0
        aside = f", {name_of(0)} aside" if others else ""
    mask = predicted == category
    name = f"{name_of(category)} on {mask.mean():.0%} of the pixels{aside}"
    if not mask.any():
        mask = np.ones_like(mask)
        name = f"{name_of(category)}, predicted nowhere, on all pixels"
    return category, mask, name
