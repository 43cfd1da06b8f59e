"""Change the size of a map."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["resize", "resize_nearest_inside_border"]


def resize(x: Tensor, height: int, width: int) -> Tensor:
    """Return ``x`` at another size, bilinear between the centres of places.

    Args:
        x: Feature map, ``(B, C, H, W)``.
        height: Rows of the result.
        width: Columns of the result.

    Returns:
        ``(B, C, height, width)``; ``x`` itself if it has that size.
    """
    if (x.shape[2], x.shape[3]) == (height, width):
        return x
    return functional.interpolate(
        x, size=(height, width), mode="bilinear", align_corners=False
    )


def resize_nearest_inside_border(x: Tensor, height: int, width: int) -> Tensor:
    """Return what is inside the border of ``x`` at another size, by copies.

    Row ``i`` is row ``i * h // height`` of the inside: ``interpolate`` of mode
    ``nearest`` without its rounding of ``h / height``, and right in ONNX at any size.

    Args:
        x: Feature map with one place around it, ``(B, C, h + 2, w + 2)``.
        height: Rows of the result.
        width: Columns of the result.

    Returns:
        ``(B, C, height, width)``.
    """
    rows = torch.arange(height, device=x.device) * (x.shape[2] - 2) // height
    columns = torch.arange(width, device=x.device) * (x.shape[3] - 2) // width
    return x.index_select(2, rows + 1).index_select(3, columns + 1)
