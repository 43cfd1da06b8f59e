"""How a value changes between their state dict and ours, and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["FLIP", "LINEAR", "SAME", "STACK", "Transform"]

CONV_DIMS = 4
LINEAR_DIMS = 2


@dataclass(frozen=True)
class Transform:
    """A change of values that can be undone exactly.

    Attributes:
        name: What a table calls it.
        join: Makes our tensor of theirs; they have one, or one for each branch.
        split: Makes theirs of ours again, given how many they have.
    """

    name: str
    join: Callable[[Sequence[Tensor]], Tensor]
    split: Callable[[Tensor, int], tuple[Tensor, ...]]


def _as_convolution(value: Tensor) -> Tensor:
    return value[:, :, None, None] if value.dim() == LINEAR_DIMS else value


def _as_linear(value: Tensor) -> Tensor:
    return value.flatten(1) if value.dim() == CONV_DIMS else value


def _reversed_inputs(value: Tensor) -> Tensor:
    return value.flip(1) if value.dim() == CONV_DIMS else value


SAME = Transform(
    "same values",
    lambda parts: parts[0],
    lambda value, _: (value,),
)
LINEAR = Transform(
    "linear layer to 1x1 convolution",
    lambda parts: _as_convolution(parts[0]),
    lambda value, _: (_as_linear(value),),
)
FLIP = Transform(
    "input channels in reverse order",
    lambda parts: _reversed_inputs(parts[0]),
    lambda value, _: (_reversed_inputs(value),),
)
STACK = Transform(
    "linear layers stacked into one 1x1 convolution",
    lambda parts: _as_convolution(torch.cat(list(parts))),
    lambda value, count: tuple(_as_linear(value).chunk(count)),
)
