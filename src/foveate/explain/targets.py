"""What a heat map is for: a class, the pixels of a class, or a box."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
from torch import Tensor

from foveate import _checks
from foveate.errors import OptionError
from foveate.explain._boxes import BoxTarget, best_boxes, target_at
from foveate.explain._callables import (
    ClassifierOutputTarget,
    Given,
    SemanticSegmentationTarget,
)
from foveate.explain._target import class_number
from foveate.explain.answers import Answers, probabilities_of
from foveate.pictures.classes import class_of_pixels
from foveate.pictures.target import Target

__all__ = [
    "BoxTarget",
    "ClassifierOutputTarget",
    "SemanticSegmentationTarget",
    "Targets",
    "in_order",
    "resolve",
]

One = int | str | Callable[[Any], Tensor] | None

Targets = One | Sequence[One | Sequence[One]]
"""What maps are for: the number or name of a class, a callable that makes one number of
the answer to an image, or None for what the network finds likeliest. A sequence has one
for each image, or a list of several."""


def resolve(
    answers: Answers,
    targets: Targets,
    *,
    most_boxes: int = 1,
    least_score: float = 0.25,
) -> list[list[Target]]:
    """Return what maps are for, for each image.

    None stands for the likeliest class; where pixels are classified, for the class
    that most pixels have, 0 aside if there is another; in a detector, for the best
    boxes. The number or the name of a class stands for that class, in a detector for
    the best boxes of it. What speaks for a class of pixels is the sum of its logits
    where it is predicted, or over the image if that is nowhere.

    Boxes of a class that overlap a better one by more than half do not count. The
    score of a box is taken before the sigmoid where the head offers it, else after it.

    Args:
        answers: What the network answers.
        targets: One for all images, or a sequence of one, or of several, for each.
        most_boxes: Of a detector, the most boxes for each image.
        least_score: The score that a box has at least, from 0 to below 1.

    Raises:
        OptionError: A class does not exist, there are not as many as images, or what
            the network answers is not understood.
        NoTargetError: No box is good enough.
        UnknownNameError: No class has that name.

    Example:
        >>> import torch
        >>> from foveate.explain.answers import answers_of
        >>> logits = torch.tensor([[0.0, 2.0], [3.0, 0.0]])
        >>> answers = answers_of(torch.nn.Identity(), logits)
        >>> [target.label for (target,) in resolve(answers, None)]
        ['class 1 (0.88)', 'class 0 (0.95)']
    """
    _checks.positive("targets", most_boxes=most_boxes)
    _checks.share("targets", least_score=least_score)
    return [
        [
            target
            for one in several
            for target in _targets(answers, image, one, most_boxes, least_score)
        ]
        for image, several in enumerate(_for_each(targets, len(answers.each)))
    ]


def in_order(targets: Any) -> tuple[Any, bool]:
    """Return targets, arrays as lists, and whether there is one for each image."""
    if isinstance(targets, Tensor | np.ndarray):
        targets = targets.tolist()
    return targets, _is_several(targets)


def _for_each(targets: Any, images: int) -> list[list[One]]:
    """Return what was asked for each image."""
    targets, several = in_order(targets)
    if not several:
        return [[targets] for _ in range(images)]
    if len(targets) != images:
        raise OptionError(
            f"targets: there must be one for each image, {images}, got {len(targets)}. "
            "For several of one image, give a list of them within the list."
        )
    each = [list(one) if _is_several(one) else [one] for one in targets]
    if not all(each):
        raise OptionError("targets: an image was given an empty list of targets.")
    return each


def _is_several(targets: Any) -> bool:
    return isinstance(targets, Sequence) and not isinstance(targets, str)


def _targets(
    answers: Answers, image: int, wanted: Any, most_boxes: int, least_score: float
) -> list[Target]:
    if isinstance(wanted, BoxTarget) and answers.kind == "boxes":
        return [target_at(answers, image, wanted)]
    if callable(wanted):
        return [_given(answers, wanted)]
    if answers.kind == "other":
        raise OptionError(
            f"targets: the network returned {answers.came}, and it is not known what "
            "in it speaks for a class. Give targets=[callable], one for each image, "
            "which gets the image's share of that and returns one number."
        )
    category = (
        None if wanted is None else class_number(answers, _number_or_name(wanted))
    )
    if answers.kind == "classes":
        return [_of_class(answers, image, category)]
    if answers.kind == "pixels":
        return [_of_pixels(answers, image, category)]
    return best_boxes(
        answers, image, category, most_boxes=most_boxes, least_score=least_score
    )


def _number_or_name(wanted: Any) -> int | str:
    if isinstance(wanted, str):
        return wanted
    try:
        if not isinstance(wanted, bool):
            return operator.index(wanted)
    except TypeError:
        pass
    raise OptionError(
        "targets: expected the number or name of a class, a callable or None, got "
        f"{wanted!r} ({type(wanted).__name__})."
    )


def _given(answers: Answers, given: Callable[[Any], Tensor]) -> Target:
    """Return the target that a callable is."""
    category = getattr(given, "category", None)
    if not isinstance(category, int):
        name = getattr(given, "__name__", type(given).__name__)
        named = name if name.isidentifier() else "a target of your own"
        return Target(None, None, None, named, Given(given))
    class_number(answers, category)
    return Target(category, None, None, answers.name_of(category), Given(given))


def _of_class(answers: Answers, image: int, category: int | None) -> Target:
    logits = cast("Tensor", answers.each[image]).detach().float()
    chosen = int(logits.argmax()) if category is None else category
    if not logits[chosen].isfinite():
        raise OptionError(
            f"targets: the network's logit of {answers.name_of(chosen)} is "
            f"{float(logits[chosen])}. Run it in a wider precision, such as float32."
        )
    answer = cast("Tensor", answers.each[image]).detach()
    shares = logits.sigmoid() if len(logits) == 1 else probabilities_of(answer)
    return Target(
        category=chosen,
        score=float(shares[chosen]),
        box=None,
        name=answers.name_of(chosen),
        value=ClassifierOutputTarget(chosen),
    )


def _of_pixels(answers: Answers, image: int, category: int | None) -> Target:
    logits = cast("Tensor", answers.each[image]).detach().float().cpu().numpy()
    category, mask, name = class_of_pixels(logits, category, answers.name_of)
    value = SemanticSegmentationTarget(category, mask)
    return Target(category=category, score=None, box=None, name=name, value=value)
