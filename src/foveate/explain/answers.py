"""What networks answer: classes, classes of pixels, or boxes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from foveate.explain._detections import Boxes, detected, last_of

__all__ = ["AnswerKind", "Answers", "Boxes", "answers_of", "probabilities_of"]

AnswerKind = Literal["classes", "pixels", "boxes", "other"]

CLASS_DIMS = 2
PIXEL_DIMS = 4


@dataclass(frozen=True, eq=False)
class Answers:
    """What a network answers to some images.

    Attributes:
        kind: ``classes``, ``pixels`` or ``boxes``; ``other`` if it is not understood.
        each: By image what a callable among the targets gets, with gradients: a tensor
            ``(K,)``, a tensor ``(K, H, W)``, ``Boxes``, or this image's share of what
            came, in the form in which it came.
        number_of_classes: How many there are; None if the network does not say.
        names: Those of classes, by their numbers, where the network has any.
        came: What the network returned, in words.
    """

    kind: AnswerKind
    each: tuple[Any, ...]
    number_of_classes: int | None
    names: Mapping[int, str] | None
    came: str

    def name_of(self, category: int) -> str:
        """Return what to call a class."""
        return (self.names or {}).get(category, f"class {category}")


def answers_of(
    model: nn.Module,
    output: Any,
    *,
    images: int | None = None,
    size: tuple[int, int] | None = None,
) -> Answers:
    """Return what a network says of each image.

    It reads logits ``(B, K)`` and ``(B, K, H, W)``, also where they are the ``logits``
    of an object, the ``out`` of a mapping (torchvision's segmentation) or the first of
    a mask and a label (segmentation_models_pytorch); torchvision's detections, a list
    of mappings; and what heads of Ultralytics return in evaluation.

    Args:
        model: The network.
        output: What it returned.
        images: How many images it got; tells a ``(B,)`` of one logit an image.
        size: Height and width of its input; for heads whose boxes are shares of it.

    Example:
        >>> answers = answers_of(nn.Linear(2, 3), torch.zeros(4, 3))
        >>> answers.kind, len(answers.each), answers.number_of_classes
        ('classes', 4, 3)
    """
    names, came = _names_of(model), _words(output)
    boxes = detected(model, output, size)
    if boxes is not None:
        # torchvision's mappings do not say it
        count = getattr(last_of(model), "nc", None)
        return Answers("boxes", boxes, count, names, came)
    logits = _logits_of(output)
    if logits is not None and logits.dim() == 1 and len(logits) == images:
        logits = logits[:, None]
    if logits is None or images not in (None, len(logits)):
        return Answers("other", _shared(output, images), None, names, came)
    if logits.dim() == PIXEL_DIMS and logits.shape[2:].numel() == 1:
        logits = logits.flatten(1)
    kinds: dict[int, AnswerKind] = {CLASS_DIMS: "classes", PIXEL_DIMS: "pixels"}
    kind = kinds.get(logits.dim())
    if kind is None or not logits.numel():
        return Answers("other", _shared(output, images), None, names, came)
    return Answers(kind, logits.unbind(0), logits.shape[1], names, came)


def probabilities_of(logits: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return the probabilities that logits stand for, or that they are already.

    A network that ends in a softmax answers with probabilities, which another would
    make nearly alike.

    Args:
        logits: ``(..., K)``.
        dtype: In which they are computed.

    Example:
        >>> probabilities_of(torch.tensor([0.75, 0.25]))
        tensor([0.7500, 0.2500])
    """
    wide = logits.to(dtype)
    missing = (wide.sum(dim=-1) - 1).abs().max()
    rounding = 8 * torch.finfo(logits.dtype).eps
    if bool((wide >= 0).all()) and float(missing) <= rounding:
        return wide
    return wide.softmax(dim=-1)


def _logits_of(output: Any) -> Tensor | None:
    """Return the floating-point tensor that says it all; None if there is none."""
    if isinstance(output, Tensor):
        return output if output.is_floating_point() and output.dim() else None
    found = getattr(output, "logits", None)
    if isinstance(output, Mapping):
        found = output.get("out", output.get("logits", found))
    if isinstance(found, Tensor):
        return _logits_of(found)
    if isinstance(output, list | tuple):
        return _among(output)
    return None


def _among(output: list[Any] | tuple[Any, ...]) -> Tensor | None:
    """Return the logits among several things; None if it is not clear which they are.

    They are the only thing, the first of a mask and a label, or the second of
    probabilities and logits.
    """
    if len(output) == 1:
        return _logits_of(output[0])
    if len(output) != 2 or not all(isinstance(part, Tensor) for part in output):  # noqa: PLR2004
        return None
    first, second = output
    if first.dim() == PIXEL_DIMS and second.dim() <= CLASS_DIMS:
        return _logits_of(first)
    alike = first.dim() == CLASS_DIMS and first.shape == second.shape
    if alike and torch.allclose(
        second.detach().float().softmax(1), first.detach().float(), atol=1e-3
    ):
        return _logits_of(second)
    return None


def _names_of(model: nn.Module) -> Mapping[int, str] | None:
    """Return the names of classes, unless they are but numbers."""
    names: Any = getattr(model, "names", None)
    if names is None:
        names = getattr(getattr(model, "config", None), "id2label", None)
    if isinstance(names, list | tuple):
        names = dict(enumerate(names))
    if not isinstance(names, Mapping):
        return None
    named = {
        number: name
        for number, name in names.items()
        if isinstance(number, int) and isinstance(name, str)
    }
    told = any(
        name not in {str(number), f"LABEL_{number}", f"class{number}"}
        for number, name in named.items()
    )
    return named if told else None


def _shared(output: Any, images: int | None) -> tuple[Any, ...]:
    """Return each image's share of an output that is not understood."""
    count = images or _batch_of(output)
    if count is None:
        return (output,)
    return tuple(_share(output, number, count) for number in range(count))


def _batch_of(output: Any) -> int | None:
    while isinstance(output, list | tuple | Mapping) and output:
        output = next(iter(output.values() if isinstance(output, Mapping) else output))
    return len(output) if isinstance(output, Tensor) and output.dim() else None


def _share(value: Any, image: int, count: int) -> Any:
    if isinstance(value, Tensor):
        return value[image] if value.dim() and len(value) == count else value
    if isinstance(value, Mapping):
        return {key: _share(item, image, count) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_share(item, image, count) for item in value]
    return value


def _words(value: Any) -> str:
    """Return what came, in words: types and shapes."""
    if isinstance(value, Tensor):
        return f"a tensor ({', '.join(map(str, value.shape))})"
    if isinstance(value, Mapping) and value:
        parts = [f"{key}: {_words(item)}" for key, item in list(value.items())[:4]]
        return f"{type(value).__name__} of {', '.join(parts)}"
    if isinstance(value, list | tuple) and value:
        more = f" and {len(value) - 4} more" if len(value) > 4 else ""  # noqa: PLR2004
        parts = [_words(item) for item in value[:4]]
        return f"{type(value).__name__} of {', '.join(parts)}{more}"
    return type(value).__name__
