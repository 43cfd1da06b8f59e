"""What makes a number of the answer to an image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from foveate.errors import OptionError

__all__ = ["ClassifierOutputTarget", "Given", "SemanticSegmentationTarget"]

MAP_DIMS = 2

SLACK = 0.05
"""By how much of them the proportions of a mask may be off."""


@dataclass(frozen=True)
class ClassifierOutputTarget:
    """The logit of one class.

    Args:
        category: The number of the class.

    Example:
        >>> ClassifierOutputTarget(1)(torch.tensor([0.5, 2.0, 1.0]))
        tensor(2.)
    """

    category: int

    def __call__(self, answer: Tensor) -> Tensor:
        """Return the logit, from the logits of an image ``(K,)``."""
        # as rows of a batch, which pytorch-grad-cam also takes
        return answer[..., self.category].float()


@dataclass(frozen=True, eq=False)
class SemanticSegmentationTarget:
    """The sum of the logits of one class over some pixels.

    Args:
        category: The number of the class.
        mask: ``(H, W)``: which pixels; numbers count them in part. At another size
            than the logits it is resized, each pixel to its share.

    Raises:
        OptionError: ``mask`` is not ``(H, W)``, or of other proportions than the
            logits.

    Example:
        >>> logits = torch.tensor([[[1.0, 2.0]], [[3.0, 5.0]]])
        >>> SemanticSegmentationTarget(1, torch.tensor([[False, True]]))(logits)
        tensor(5.)
    """

    category: int
    mask: NDArray[Any] | Tensor

    def __post_init__(self) -> None:
        shape = tuple(self.mask.shape)
        if len(shape) != MAP_DIMS or 0 in shape:
            raise OptionError(
                f"SemanticSegmentationTarget: mask must be (H, W), got {shape}."
            )

    def __call__(self, answer: Tensor) -> Tensor:
        """Return the sum, from the logits of the pixels of an image ``(K, H, W)``."""
        logits = answer[self.category].float()
        mask = torch.as_tensor(self.mask, device=logits.device).to(logits.dtype)
        if mask.shape != logits.shape:
            _check_proportions(tuple(mask.shape), tuple(logits.shape))
            mask = functional.interpolate(
                mask[None, None], tuple(logits.shape), mode="area"
            )[0, 0]
        return (logits * mask).sum()


def _check_proportions(mask: tuple[int, ...], logits: tuple[int, ...]) -> None:
    """Raise OptionError if a mask would have to be distorted to fit."""
    # a mask of odd sides may be half as large, rounded
    slack = 1 / min(*mask, *logits)
    if abs(mask[0] * logits[1] / (mask[1] * logits[0]) - 1) > SLACK + 2 * slack:
        raise OptionError(
            "SemanticSegmentationTarget: mask must have the proportions of the "
            f"network's answer, {logits[0]} x {logits[1]} (height x width), got "
            f"{mask[0]} x {mask[1]}. Is it (W, H)? Then give mask.T."
        )


@dataclass(frozen=True, eq=False)
class Given:
    """A callable of the user's, and a look at what it returns."""

    function: Callable[[Any], Tensor]

    def __call__(self, answer: Any) -> Tensor:
        value = self.function(answer)
        if isinstance(value, Tensor) and value.numel() == 1:
            return value.reshape(()).float()
        shape = tuple(value.shape) if isinstance(value, Tensor) else ""
        raise OptionError(
            "targets: a callable must return one number as a tensor, got "
            f"{type(value).__name__} {shape}".rstrip()
            + ". It gets the answer to one "
            "image."
        )
