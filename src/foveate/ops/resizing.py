"""Change the size of a map."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

__all__ = ["resize"]


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
