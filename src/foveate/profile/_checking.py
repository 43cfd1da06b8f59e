"""Check what functions of this folder are asked for, and call it quietly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import nn

from foveate.errors import OptionError
from foveate.surgery.running import undisturbed

__all__ = ["check_shapes", "quietly"]

IMAGE_DIMS = 4


def check_shapes(who: str, shapes: Sequence[Sequence[int]]) -> None:
    """Raise OptionError unless there are shapes, each ``(B, C, H, W)``."""
    for shape in shapes or [()]:
        fits = isinstance(shape, tuple | list) and len(shape) == IMAGE_DIMS
        if not fits or not all(type(size) is int and size > 0 for size in shape):
            raise OptionError(
                f"{who}: a shape must be (B, C, H, W), four whole numbers greater than "
                f"0, such as (1, 3, 224, 224), got {shape!r}."
            )


def quietly(function: Callable[..., Any]) -> AbstractContextManager[Any]:
    """Return what evaluates a module or a function without gradients, and no trace."""
    if isinstance(function, nn.Module):
        return undisturbed(function)
    return torch.no_grad()
