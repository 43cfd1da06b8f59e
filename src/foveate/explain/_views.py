"""What the maps of a block show of each image, of tensors."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from foveate.pictures import views
from foveate.pictures.views import Numbers, Views, finite

__all__ = ["numbers_of", "views_of"]


def views_of(maps: Mapping[str, Tensor], channels: int, block: str) -> Views:
    """Return what the maps of a block show, see ``foveate.pictures.views``.

    Args:
        maps: What ``block.maps`` returns.
        channels: Channels of the block's input.
        block: Whom an error names.

    Raises:
        ShapeError: A value is not finite.
    """
    return views.views_of(maps, channels, block, _mean)


def numbers_of(value: Tensor, whose: str) -> Numbers:
    """Return a tensor as float32 numbers.

    Raises:
        ShapeError: One of them is not finite.
    """
    return finite(value.detach().float().cpu().numpy(), whose)


def _mean(value: Tensor, axes: tuple[int, ...]) -> Numbers:
    """Return the mean over some axes, not taken in half precision."""
    wide = torch.promote_types(value.dtype, torch.float32)
    mean = value.detach().mean(dim=axes, dtype=wide)
    numbers: Numbers = mean.float().cpu().numpy()
    return numbers
