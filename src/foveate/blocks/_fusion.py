"""What all fusions share: several maps in, one out, and how they are made to fit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import reduce
from typing import final

import torch
from torch import Tensor, nn

from foveate import ops
from foveate._options import Align, channels_of_inputs
from foveate.blocks._base import check_map
from foveate.errors import ShapeError

__all__ = ["Alignment", "Fusion"]


class Fusion(nn.Module, ABC):
    """Two or more feature maps in, one out.

    A fusion keeps dtype, device and memory format, changes nothing in place and stores
    nothing in ``forward``.

    Attributes:
        align: Makes the maps fit each other; holds the projections, if there are any.
        spatial_size: The only size of map that it takes; None takes any.
        training_batch: The fewest images of a batch in training.
    """

    align: Alignment
    spatial_size: tuple[int, int] | None = None
    training_batch: int = 1

    @property
    def channels(self) -> int:
        """Channels that it works in and returns."""
        return self.align.channels

    @property
    def num_inputs(self) -> int:
        """How many maps it takes."""
        return len(self.align.in_channels)

    def forward(self, *maps: Tensor) -> Tensor:
        """Return the fusion of ``maps``.

        Args:
            *maps: Feature maps, ``(B, channels, H, W)`` each, any ``H, W >= 1``. With
                ``in_channels`` and ``align``, of several channels and sizes.

        Returns:
            ``(B, channels, H, W)``, in the type of the maps.

        Raises:
            ShapeError: There are more or fewer maps than ``num_inputs``, or one does
                not fit; the message says which, and how it differs.
        """
        # under autocast a convolution answers in another type
        return self.fuse(*self.align(*self.prepare(*maps))).to(maps[0].dtype)

    @final
    def maps(self, *maps: Tensor) -> dict[str, Tensor]:
        """Return by name how the fusion shares out its inputs.

        ``branch`` is the weight of each of the K inputs, ``(B, K, C, H, W)`` or with
        sides of 1, and adds up to 1 over K; ``parts`` is what each adds to the output,
        ``(B, K, C, H, W)``.
        """
        return self.shares(*self.align(*self.prepare(*maps)))

    def prepare(self, *maps: Tensor) -> Sequence[Tensor]:
        """Return ``maps`` as ``align`` takes them: as they came, unless overridden."""
        return maps

    @abstractmethod
    def fuse(self, *maps: Tensor) -> Tensor:
        """Return the fusion of maps that are checked and of one shape."""

    @abstractmethod
    def shares(self, *maps: Tensor) -> dict[str, Tensor]:
        """Return ``branch`` or ``parts`` of maps that are checked and of one shape."""


@final
class Alignment(nn.Module):
    """Make several maps fit each other, or say which does not.

    Args:
        owner: Whom a message names.
        channels: Channels that each map leaves with.
        num_inputs: How many maps there are.
        align: ``error`` refuses maps of several sizes. ``first`` resizes all to the
            size of the first; ``largest`` and ``smallest`` to the largest or smallest
            height and width among them. Resizing is bilinear.
        in_channels: Channels of each map; None: ``channels`` each. A map of other
            channels is projected by a 1x1 convolution, unless ``align`` is ``error``.

    Raises:
        OptionError: A number is not greater than 0, ``in_channels`` does not name
            ``num_inputs`` of them, or some differ although ``align`` is ``error``.
    """

    def __init__(
        self,
        owner: str,
        channels: int,
        *,
        num_inputs: int,
        align: Align,
        in_channels: Sequence[int] | None,
    ) -> None:
        super().__init__()
        self.in_channels = channels_of_inputs(
            owner,
            channels,
            num_inputs=num_inputs,
            align=align,
            in_channels=in_channels,
        )
        self.owner = owner
        self.channels = channels
        self.policy = align
        self.project = nn.ModuleList(
            nn.Identity() if width == channels else nn.Conv2d(width, channels, 1)
            for width in self.in_channels
        )

    def forward(self, *maps: Tensor) -> list[Tensor]:
        """Return the maps, of one shape ``(B, channels, H, W)``.

        Raises:
            ShapeError: A map does not fit; the message says which, and how it differs.
        """
        self.check(maps)
        projected = [project(x) for project, x in zip(self.project, maps, strict=True)]
        if self.policy == "error":
            self._check_sizes(maps)
            return projected
        height, width = self._size(maps)
        return [ops.resize(x, height, width) for x in projected]

    def check(self, maps: Sequence[Tensor]) -> None:
        """Raise ShapeError unless all but the sizes of ``maps`` fits."""
        if len(maps) != len(self.in_channels):
            got = f"got {len(maps)}"
            if maps and not isinstance(maps[0], Tensor):
                got = f"got a {type(maps[0]).__name__}: write fusion(*maps)"
            raise ShapeError(
                f"{self.owner}: takes {len(self.in_channels)} maps, {got}."
            )
        for place, x in enumerate(maps):
            self._check_one(place, x, maps[0])

    def extra_repr(self) -> str:
        """Show the policy and the channels of each input."""
        return f"{self.policy!r}, in_channels={self.in_channels}"

    def _size(self, maps: Sequence[Tensor]) -> tuple[int, int]:
        if self.policy == "first":
            return maps[0].shape[2], maps[0].shape[3]
        # not max and min, which would fix a size that an export leaves free
        choose = torch.sym_max if self.policy == "largest" else torch.sym_min
        height = reduce(choose, [x.shape[2] for x in maps])
        width = reduce(choose, [x.shape[3] for x in maps])
        return height, width

    def _check_one(self, place: int, x: Tensor, first: Tensor) -> None:
        name = f"{self.owner}: input {place + 1}"
        check_map(name, x, None)
        if x.shape[1] != self.in_channels[place]:
            raise ShapeError(
                f"{name} must have {self.in_channels[place]} channels, got "
                f"{tuple(x.shape)}. To have it projected, build the fusion with "
                "in_channels and with align='first', 'largest' or 'smallest'."
            )
        same_kind = (x.dtype, x.device) == (first.dtype, first.device)
        if not same_kind or x.shape[0] != first.shape[0]:
            raise ShapeError(
                f"{name} is {_text(x)}, input 1 is {_text(first)}. Batch, type and "
                "device must be the same."
            )

    def _check_sizes(self, maps: Sequence[Tensor]) -> None:
        first = maps[0]
        for place, x in enumerate(maps, 1):
            if x.shape[2:] != first.shape[2:]:
                raise ShapeError(
                    f"{self.owner}: input {place} is {tuple(x.shape)}, input 1 is "
                    f"{tuple(first.shape)}. Resize one, or build the fusion with "
                    "align='first', 'largest' or 'smallest'."
                )


def _text(x: Tensor) -> str:
    return f"{tuple(x.shape)} of {x.dtype} on {x.device}"
