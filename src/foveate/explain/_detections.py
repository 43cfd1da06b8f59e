"""Read the boxes that detectors return, whatever form they return them in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Boxes", "detected", "last_of", "overlaps", "suppress"]

ROW = 6
"""Of a finished detection: four sides, a score and a class."""

ROWS_DIMS = 3

MOST_CANDIDATES = 1000


@dataclass(frozen=True, eq=False)
class Boxes:
    """What a detector finds in one image, with gradients.

    Attributes:
        boxes: ``(A, 4)``: left, top, right and bottom in pixels of the input.
        scores: ``(A,)``, from 0 to 1.
        labels: ``(A,)``: the likeliest class of each.
        class_scores: ``(A, K)``: the scores of all classes, if the head offers them.
        logits: ``(A, K)``: the same before the sigmoid.
        fixed: Whether these are candidates, of which each keeps its place from one
            image to another; else they are what suppression left.
    """

    boxes: Tensor
    scores: Tensor
    labels: Tensor
    class_scores: Tensor | None = None
    logits: Tensor | None = None
    fixed: bool = False

    def __getitem__(self, key: str) -> Tensor:
        """Return ``boxes``, ``scores`` or ``labels``, as torchvision's mappings do."""
        if key not in {"boxes", "scores", "labels"}:
            raise KeyError(key)
        found: Tensor = getattr(self, key)
        return found

    def of_class(self, category: int) -> Tensor:
        """Return the score of a class for each box, without gradients; else 0."""
        if self.class_scores is not None:
            return self.class_scores[:, category].detach().float()
        return self.scores.detach().float() * (self.labels == category)


def detected(
    model: nn.Module, output: Any, size: tuple[int, int] | None
) -> tuple[Boxes, ...] | None:
    """Return the boxes in what a network returned, image by image; None if none are.

    Args:
        model: The network.
        output: What it returned.
        size: Height and width of its input, for heads that speak of shares of it.
    """
    if _is_listed(output):
        return tuple(
            Boxes(found["boxes"], found["scores"], found["labels"]) for found in output
        )
    head = last_of(model)
    rows = _decoded(output)
    if head is None or rows is None or not isinstance(getattr(head, "nc", None), int):
        return None
    if hasattr(head, "num_queries"):
        return None if size is None else _of_queries(head, rows, size)
    if getattr(head, "end2end", False) or not _has_candidates(head, rows):
        return _of_rows(head, rows)
    return _of_candidates(head, rows, _logits(output, head))


def last_of(model: nn.Module) -> Any:
    """Return the head of a network of Ultralytics; None for one of another kind.

    Its layers know by ``f`` and ``i`` which of them feed which.
    """
    layers: Any = getattr(model, "model", None)
    if isinstance(layers, nn.Module) and not isinstance(layers, nn.Sequential):
        layers = getattr(layers, "model", None)
    if not isinstance(layers, nn.Sequential) or not len(layers):
        return None
    head = layers[-1]
    return head if hasattr(head, "f") and hasattr(head, "i") else None


def overlaps(box: Tensor, boxes: Tensor) -> Tensor:
    """Return the share that a box has in common with each of several.

    It is their intersection divided by their union, 0 where there is none, and 1 for
    the same box, also for one without pixels.

    Args:
        box: ``(4,)``: left, top, right, bottom.
        boxes: ``(A, 4)``.
    """
    upper = torch.maximum(box[:2], boxes[:, :2])
    lower = torch.minimum(box[2:], boxes[:, 2:])
    shared = (lower - upper).clamp(min=0).prod(dim=1)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(dim=1)
    union = (box[2:] - box[:2]).prod() + area - shared
    same = (box == boxes).all(dim=1)
    return torch.where(union > 0, shared / union, 0.0).masked_fill(same, 1.0)


def suppress(
    boxes: Tensor, scores: Tensor, labels: Tensor, *, most_overlap: float
) -> list[int]:
    """Return which boxes stay, the best first: greedy non-maximum suppression.

    A box goes if it overlaps a better one of its class by more than ``most_overlap``.
    Only the best thousand are looked at.
    """
    corners = boxes.detach().double()
    waiting = scores.detach().argsort(descending=True, stable=True)[:MOST_CANDIDATES]
    kept: list[int] = []
    while len(waiting):
        best, waiting = waiting[0], waiting[1:]
        kept.append(int(best))
        beside = overlaps(corners[best], corners[waiting]) <= most_overlap
        waiting = waiting[beside | (labels[waiting] != labels[best])]
    return kept


def _is_listed(output: Any) -> bool:
    """Return whether an output is one mapping of boxes an image, as torchvision has."""
    return (
        isinstance(output, list | tuple)
        and len(output) > 0
        and all(
            isinstance(found, Mapping) and {"boxes", "scores", "labels"} <= set(found)
            for found in output
        )
    )


def _decoded(output: Any) -> Tensor | None:
    """Return the first tensor, if it is of detections, however deep it lies."""
    while isinstance(output, list | tuple) and output:
        output = output[0]
    found = isinstance(output, Tensor) and output.dim() == ROWS_DIMS
    return output if found else None


def _has_candidates(head: Any, rows: Tensor) -> bool:
    """Return whether channels stand second, at least four sides and all classes."""
    return bool(rows.shape[1] >= 4 + head.nc)


def _logits(output: Any, head: Any) -> Tensor | None:
    """Return ``(B, K, A)``: the scores of candidates before their sigmoid, if there."""
    raw = output[1] if isinstance(output, Sequence) and len(output) > 1 else None
    if isinstance(raw, Mapping):
        raw = raw.get("one2many", raw)
        raw = raw.get("scores") if isinstance(raw, Mapping) else None
    if not isinstance(raw, Tensor) or raw.dim() != ROWS_DIMS:
        return None
    return raw if raw.shape[1] == head.nc else None


def _of_candidates(head: Any, rows: Tensor, logits: Tensor | None) -> tuple[Boxes, ...]:
    """Return the boxes of a head with a row of channels for each place of each map."""
    found = []
    for number, image in enumerate(rows.transpose(1, 2)):
        sides, scores = image[:, :4], image[:, 4 : 4 + head.nc]
        if hasattr(head, "ne"):
            boxes = _around(sides, image[:, -1])
        elif getattr(head, "xyxy", False):
            boxes = sides
        else:
            boxes = _corners(sides)
        best, labels = scores.max(dim=1)
        raw = None if logits is None else logits[number].transpose(0, 1)
        found.append(Boxes(boxes, best, labels, scores, raw, fixed=True))
    return tuple(found)


def _of_rows(head: Any, rows: Tensor) -> tuple[Boxes, ...]:
    """Return the boxes of a head that has chosen its best candidates itself."""
    found = []
    for image in rows:
        turned = hasattr(head, "ne")
        boxes = _around(image[:, :4], image[:, -1]) if turned else image[:, :4]
        found.append(Boxes(boxes, image[:, 4], image[:, 5].detach().long()))
    return tuple(found)


def _of_queries(head: Any, rows: Tensor, size: tuple[int, int]) -> tuple[Boxes, ...]:
    """Return the boxes of a transformer's head, which are shares of the image."""
    height, width = size
    scale = rows.new_tensor([width, height, width, height])
    found = []
    for image in rows:
        boxes = _corners(image[:, :4]) * scale
        if rows.shape[2] == ROW and _are_whole(image[:, 5]):
            found.append(Boxes(boxes, image[:, 4], image[:, 5].detach().long()))
            continue
        scores = image[:, 4 : 4 + head.nc]
        best, labels = scores.max(dim=1)
        # of one image its queries look for one thing and of another for another
        found.append(Boxes(boxes, best, labels, scores))
    return tuple(found)


def _are_whole(values: Tensor) -> bool:
    return bool((values == values.round()).all())


def _corners(sides: Tensor) -> Tensor:
    """Return left, top, right, bottom of boxes given by middle, width and height."""
    middle, half = sides[:, :2], sides[:, 2:] / 2
    return torch.cat([middle - half, middle + half], dim=1)


def _around(sides: Tensor, angle: Tensor) -> Tensor:
    """Return the upright boxes around turned ones."""
    cos, sin = angle.cos().abs(), angle.sin().abs()
    width, height = sides[:, 2], sides[:, 3]
    upright = torch.stack(
        [width * cos + height * sin, width * sin + height * cos], dim=1
    )
    return _corners(torch.cat([sides[:, :2], upright], dim=1))
