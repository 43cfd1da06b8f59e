"""What all blocks share: the check of the input, the gate, the maps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal, final

import torch
from torch import Tensor, nn

from foveate import ops
from foveate._options import no_open_gate
from foveate.errors import ShapeError

__all__ = [
    "Block",
    "Gate",
    "SigmoidGate",
    "check_floating_point",
    "check_map",
    "check_place",
    "check_size",
]

FEATURE_MAP_DIMS = 4


class Block(nn.Module, ABC):
    """One feature map in, another of the same shape out.

    A block keeps dtype, device and memory format, changes nothing in place and stores
    nothing in ``forward``.

    Attributes:
        channels: Channels that the input must have; None takes any.
        residual_place: Where its authors put it in a residual block: ``branch_end``,
            before the addition, or ``after_conv2``, before the BatchNorm that follows.
        starts_as_identity: Whether its authors start it so that it returns its input.
        spatial_size: The only size of map that it takes, ``(H, W)``; None takes any.
        training_batch: The fewest images of a batch in training: 2 for a block with
            BatchNorm behind a pooling to one place, where torch refuses one image.
        exported_side: The fewest rows and columns that it takes after ``torch.export``
            with free sides: more than 1 if a strided convolution reduces the map, as
            torch then takes for granted that several are left.
    """

    residual_place: ClassVar[Literal["branch_end", "after_conv2"]] = "branch_end"
    starts_as_identity: ClassVar[bool] = False
    channels: int | None
    spatial_size: tuple[int, int] | None = None
    training_batch: int = 1
    exported_side: int = 1

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's answer to ``x``.

        Args:
            x: Feature map, ``(B, channels, H, W)``, any ``H, W >= 1``.

        Raises:
            ShapeError: ``x`` is not ``(B, channels, H, W)`` of floating point.
        """
        self._check_input(x)
        return self.transform(x)

    @abstractmethod
    def transform(self, x: Tensor) -> Tensor:
        """Return the block's answer to a checked ``x``."""

    @abstractmethod
    def maps(self, x: Tensor) -> dict[str, Tensor]:
        """Return by name what the block looks at in ``x``.

        Gates: ``channel`` is ``(B, C, 1, 1)``, ``spatial`` ``(B, 1, H, W)``, ``row``
        ``(B, C, H, 1)``, ``column`` ``(B, C, 1, W)``, and ``full``, ``channel_full``
        and ``spatial_full`` are ``(B, C, H, W)``. ``branch`` is how a block shares out
        its K branches, ``(B, K, C, 1, 1)``, which add up to 1 over K. ``attention`` is
        where one place looks, ``(B, heads, h, w)``, which adds up to 1 over the places.
        """

    @final
    def open_gate(self) -> int:
        """Set the last layers so that the block returns a fraction of its input.

        Their parameters become 0, and with them the logits of every gate: each is one
        half at every place, in training and in evaluation. So a trained host in which
        the output is multiplied by what is returned computes what it did, to the bit
        but for values too small to be halved, and the gates learn from the first step.

        Returns:
            By how much the output must be multiplied to be the input: 2 for each gate.

        Raises:
            OptionError: It has no such layers; see ``last_layers``.

        Example:
            >>> import foveate as fv
            >>> block, x = fv.create("cbam", 64), torch.randn(2, 64, 7, 5)
            >>> factor = block.open_gate()
            >>> factor, (factor * block(x)).equal(x)
            (4, True)

        Source: Last layers that start at 0 are those of Goyal et al. (2017),
        https://arxiv.org/abs/1706.02677, section 5.1, where they end the branches of a
        residual network.
        """
        layers = self.last_layers()
        for layer in layers:
            for parameter in layer.parameters():
                nn.init.zeros_(parameter)
        factor: int = 2 ** len(layers)
        return factor

    def last_layers(self) -> Sequence[nn.Module]:
        """Return the layers whose zeros make gates of one half, one for each gate.

        A layer that gives the logits of two gates stands there twice. Where a BatchNorm
        follows a convolution it is the BatchNorm: after a convolution of zeros it would
        divide gradients by the root of its eps.

        Raises:
            OptionError: The output is more than the input times gates of sigmoids, or
                a gate could not learn from there.
        """
        raise no_open_gate(type(self).__name__)

    def _check_input(self, x: Tensor) -> None:
        check_map(type(self).__name__, x, self.channels)
        if self.spatial_size is not None:
            check_size(type(self).__name__, x, self.spatial_size)


def check_floating_point(owner: str, x: Tensor) -> None:
    """Raise ShapeError unless ``x`` is of floating point."""
    if not x.is_floating_point():
        raise ShapeError(
            f"{owner}: expects floating point, got {x.dtype}. "
            "Convert it first: x.float()."
        )


def check_map(owner: str, x: Tensor, channels: int | None) -> None:
    """Raise ShapeError unless ``x`` is a map of ``channels``, of floating point."""
    # not `channels in (None, ...)`: where sizes are free, that is never true in a graph
    if x.dim() == FEATURE_MAP_DIMS and (channels is None or x.shape[1] == channels):
        check_floating_point(owner, x)
        return
    shape = tuple(x.shape)
    hint = ""
    if x.dim() == FEATURE_MAP_DIMS - 1:
        hint = " A single image needs a batch of one: x[None]."
    elif x.dim() == FEATURE_MAP_DIMS and x.shape[-1] == channels:
        hint = " If channels stand last, move them: x.permute(0, 3, 1, 2)."
    axis = "C" if channels is None else channels
    raise ShapeError(f"{owner}: expects (B, {axis}, H, W), got {shape}.{hint}")


def check_size(owner: str, x: Tensor, size: tuple[int, int]) -> None:
    """Raise ShapeError unless the map ``x`` is of the one size that its owner takes."""
    height, width = size
    if (x.shape[2], x.shape[3]) != size:
        raise ShapeError(
            f"{owner}: is bound to maps of {height}x{width} (spatial_size), got "
            f"{x.shape[2]}x{x.shape[3]}. Resize the map, or build the block with "
            f"spatial_size=({x.shape[2]}, {x.shape[3]})."
        )


def check_place(
    owner: str, x: Tensor, place: tuple[int, int] | None
) -> tuple[int, int]:
    """Return ``place``, or the centre of the map ``x`` if None.

    Raises:
        ShapeError: ``place`` is not ``(row, column)`` within the map.
    """
    height, width = x.shape[2], x.shape[3]
    row, column = (height // 2, width // 2) if place is None else place
    if 0 <= row < height and 0 <= column < width:
        return row, column
    raise ShapeError(
        f"{owner}: query must be (row, column) within the {height}x{width} map, from "
        f"(0, 0) to ({height - 1}, {width - 1}), got {place}."
    )


class Gate(Block):
    """A block that multiplies its input by a map."""

    @abstractmethod
    def gate(self, x: Tensor) -> Tensor:
        """Return the map by which ``x`` is multiplied; it broadcasts to ``x``."""


class SigmoidGate(Gate):
    """A gate that is the sigmoid of logits."""

    @abstractmethod
    def logits(self, x: Tensor) -> Tensor:
        """Return the gate before its sigmoid."""

    @final
    def gate(self, x: Tensor) -> Tensor:
        """Return the sigmoid of the logits.

        Raises:
            ShapeError: ``x`` is not ``(B, channels, H, W)`` of floating point.
        """
        self._check_input(x)
        return torch.sigmoid(self.logits(x))

    @final
    def transform(self, x: Tensor) -> Tensor:
        """Return ``x`` scaled by the gate."""
        return ops.sigmoid_scale(x, self.logits(x))
