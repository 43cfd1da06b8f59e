"""Which of the boxes that a detector finds a map is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from foveate import _checks
from foveate.errors import NoTargetError, OptionError
from foveate.explain._detections import Boxes, overlaps, suppress
from foveate.explain._target import class_number
from foveate.explain.answers import Answers
from foveate.pictures.target import Target

__all__ = ["BoxTarget", "best_boxes", "target_at"]

SIDES = 4

SAME_OBJECT = 0.5
"""Boxes of one class that overlap by more count as one object."""

SAME_BOX = 0.7
"""Among those near a given box, by how much they must overlap to count as one."""


@dataclass(frozen=True)
class BoxTarget:
    """The score of the detection that overlaps a box most.

    Candidates that overlap a better one of their class by more than 0.7 do not count.
    The score is the one before the sigmoid where the head offers it, else the one
    after it; both give the same map up to its scale.

    Args:
        box: Left, top, right and bottom in pixels of the input.
        category: Only detections of this class; of candidates with a score for each
            class, the score of this one. None: the likeliest class of the detection.
        least_overlap: What it must have in common with the box, as the share of the
            intersection in the union.

    Raises:
        OptionError: A value cannot work; or, when called, no detection overlaps enough.

    Example:
        >>> found = {
        ...     "boxes": torch.tensor([[0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 9.0, 9.0]]),
        ...     "scores": torch.tensor([0.9, 0.4]),
        ...     "labels": torch.tensor([1, 2]),
        ... }
        >>> BoxTarget((0, 0, 8, 9))(found)
        tensor(0.4000)
    """

    box: tuple[float, float, float, float]
    category: int | None = None
    least_overlap: float = 0.5

    def __post_init__(self) -> None:
        sides = tuple(self.box)
        if len(sides) != SIDES or not (sides[0] < sides[2] and sides[1] < sides[3]):
            raise OptionError(
                "BoxTarget: box must be (left, top, right, bottom) in pixels, with "
                f"left < right and top < bottom, got {self.box!r}."
            )
        _checks.share("BoxTarget", least_overlap=self.least_overlap)

    def __call__(self, answer: Boxes | Mapping[str, Tensor]) -> Tensor:
        """Return the score of the detection, from what a detector finds in an image."""
        found = _boxes_of(answer)
        place = self.find(found)
        return _score(found, place, self.class_at(found, place))

    def find(self, found: Boxes) -> int:
        """Return the place of the detection among all.

        Raises:
            NoTargetError: None overlaps the box enough.
        """
        boxes = found.boxes.detach().float()
        near = overlaps(boxes.new_tensor(self.box), boxes)
        scores, labels = found.scores, found.labels
        if self.category is not None:
            scores = found.of_class(self.category)
            labels = torch.full_like(labels, self.category)
            near = near if found.class_scores is not None else near * (scores > 0)
        close = (near >= max(self.least_overlap, 1e-9)).nonzero()[:, 0]
        if not len(close):
            raise NoTargetError(self._missed(near))
        left = suppress(
            boxes[close], scores[close], labels[close], most_overlap=SAME_BOX
        )
        kept = close[left]
        return int(kept[near[kept].argmax()])

    def class_at(self, found: Boxes, place: int) -> int:
        """Return the class whose score is meant, of the detection at a place."""
        if self.category is not None:
            return self.category
        return int(found.labels[place])

    def _missed(self, near: Tensor) -> str:
        of = "" if self.category is None else f" of class {self.category}"
        best = f"{near.max():.2f}" if len(near) else "none, as nothing is detected"
        return (
            f"BoxTarget: no detection{of} overlaps the box {tuple(self.box)} by "
            f"{self.least_overlap:g} or more; the best overlap is {best}. Give the box "
            "in pixels of the network's input, or a lower least_overlap."
        )


def target_at(answers: Answers, image: int, given: BoxTarget) -> Target:
    """Return what a box that was given stands for in an image."""
    found: Boxes = answers.each[image]
    if given.category is not None:
        class_number(answers, given.category)
    place = given.find(found)
    category = given.class_at(found, place)
    return _target(answers, found, place, category)


def best_boxes(
    answers: Answers,
    image: int,
    category: int | None,
    *,
    most_boxes: int,
    least_score: float,
) -> list[Target]:
    """Return a target for each of the best detections of an image, of one class or any.

    Raises:
        NoTargetError: None is as good as ``least_score``.
    """
    found: Boxes = answers.each[image]
    if category is None:
        scores, labels = found.scores.detach().float(), found.labels
    else:
        scores = found.of_class(category)
        labels = torch.full_like(found.labels, category)
    good = (scores >= max(least_score, 1e-9)).nonzero()[:, 0]
    if not len(good):
        raise NoTargetError(_too_low(answers, image, category, scores, least_score))
    left = suppress(
        found.boxes[good], scores[good], labels[good], most_overlap=SAME_OBJECT
    )
    places = good[left[:most_boxes]].tolist()
    return [_target(answers, found, place, int(labels[place])) for place in places]


def _too_low(
    answers: Answers,
    image: int,
    category: int | None,
    scores: Tensor,
    least_score: float,
) -> str:
    where = f" in image {image} of these" if len(answers.each) > 1 else ""
    of = "" if category is None else f" of {answers.name_of(category)}"
    if not len(scores) or not scores.max() > 0:
        return (
            f"targets: the network detects nothing{of}{where}. Choose another class or "
            "image, or lower the score from which the network itself keeps detections."
        )
    best = int(scores.argmax())
    kind = int(answers.each[image].labels[best]) if category is None else category
    score = float(scores[best])
    return (
        f"targets: no detection{of}{where} has a score of {least_score:g} or more; "
        f"the best is {answers.name_of(kind)} with {score:.2g}. To look at it all the "
        f"same, give a least_score below that, such as {score / 2:.1g}."
    )


def _target(answers: Answers, found: Boxes, place: int, category: int) -> Target:
    left, top, right, bottom = found.boxes[place].detach().float().tolist()
    box = (left, top, right, bottom)
    score = float(found.of_class(category)[place])
    value = _Candidate(place, category) if found.fixed else _Detection(box, category)
    return Target(
        category=category,
        score=score,
        box=box,
        name=answers.name_of(category),
        value=value,
    )


@dataclass(frozen=True)
class _Candidate:
    """The score of a class at one place of a head."""

    place: int
    category: int

    def __call__(self, answer: Boxes) -> Tensor:
        return _score(answer, self.place, self.category)


@dataclass(frozen=True)
class _Detection:
    """The score of a detection, found again by its class and place; 0 if it is gone."""

    box: tuple[float, float, float, float]
    category: int

    def __call__(self, answer: Boxes | Mapping[str, Tensor]) -> Tensor:
        found = _boxes_of(answer)
        boxes = found.boxes.detach().float()
        scores = found.of_class(self.category)
        near = overlaps(boxes.new_tensor(self.box), boxes) * (scores > 0)
        if not len(near) or near.max() < SAME_OBJECT:
            return found.scores.new_zeros((), dtype=torch.float32)
        # of boxes that lie alike, the better one
        best = (near == near.max()) * scores
        return _score(found, int(best.argmax()), self.category)


def _score(found: Boxes, place: int, category: int) -> Tensor:
    """Return the score of a class at a place, before its sigmoid if there is that."""
    offered = found.class_scores if found.logits is None else found.logits
    score = found.scores[place] if offered is None else offered[place, category]
    return score.float()


def _boxes_of(answer: Any) -> Boxes:
    if isinstance(answer, Boxes):
        return answer
    if isinstance(answer, Mapping) and {"boxes", "scores", "labels"} <= set(answer):
        return Boxes(answer["boxes"], answer["scores"], answer["labels"])
    raise OptionError(
        "BoxTarget: it is for what detectors find in an image, got a "
        f"{type(answer).__name__}. For a network that detects no boxes, give a class."
    )
