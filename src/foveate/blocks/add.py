"""Add: the fusion that learns nothing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import final

import torch
from torch import Tensor

from foveate._options import Align
from foveate.blocks._fusion import Alignment, Fusion
from foveate.blocks._registry import register

__all__ = ["Add"]


@register("add")
@final
class Add(Fusion):
    """Add maps up.

    It has no parameters, unless ``in_channels`` asks for projections.

    Args:
        channels: Channels that it works in and returns.
        num_inputs: How many maps it takes, at least 2.
        align: What to do with maps of several sizes: ``error``, ``first``, ``largest``
            or ``smallest``.
        in_channels: Channels of each map, if they differ from ``channels``.

    Shape:
        ``num_inputs`` times ``(B, channels, H, W)`` to the same once, for any
        ``H, W >= 1``.

    Raises:
        OptionError: A number does not fit, or ``align`` has no such name.
        ShapeError: A map does not fit; the message says which, and how it differs.

    Example:
        >>> fine, coarse = torch.randn(2, 64, 14, 10), torch.randn(2, 128, 7, 5)
        >>> Add(64, align="first", in_channels=(64, 128))(fine, coarse).shape
        torch.Size([2, 64, 14, 10])

    Source: Lin, Dollar, Girshick, He, Hariharan, Belongie (2017),
    https://arxiv.org/abs/1612.03144, section 3, where it joins the levels of a pyramid.
    """

    def __init__(
        self,
        channels: int,
        *,
        num_inputs: int = 2,
        align: Align = "error",
        in_channels: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.align = Alignment(
            "Add", channels, num_inputs=num_inputs, align=align, in_channels=in_channels
        )

    def fuse(self, *maps: Tensor) -> Tensor:
        """Return the sum of ``maps``."""
        return reduce(add, maps)

    def shares(self, *maps: Tensor) -> dict[str, Tensor]:
        """Return the maps themselves as ``parts``."""
        return {"parts": torch.stack(maps, dim=1)}
