"""What kernels are told of a map, and the memory for another like it."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["new_like", "sizes"]


def new_like(x: Tensor) -> Tensor:
    """Return new memory for a map of the shape of ``x``, contiguous."""
    return torch.empty_like(x, memory_format=torch.contiguous_format)


def sizes(x: Tensor) -> tuple[int, int, int, int]:
    """Return images, channels, places, and values from one image to the next."""
    batch, channels, height, width = x.shape
    return batch, channels, height * width, x.stride(0)
