"""What all blocks share: the check of the input, the gate, the maps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal, final

import torch
from torch import Tensor, nn

from foveate import ops
from foveate.errors import ShapeError

__all__ = ["Block", "Gate", "SigmoidGate"]

FEATURE_MAP_DIMS = 4


class Block(nn.Module, ABC):
    """One feature map in, another of the same shape out.

    A block keeps dtype, device and memory format, changes nothing in place and stores
    nothing in ``forward``.

    Attributes:
        channels: Channels that the input must have; None takes any.
        residual_place: Where its authors put it in a residual block: ``branch_end``,
            before the addition, or ``after_conv2``, before the BatchNorm that follows.
    """

    residual_place: ClassVar[Literal["branch_end", "after_conv2"]] = "branch_end"
    channels: int | None

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

        ``channel`` is ``(B, C, 1, 1)``, ``spatial`` ``(B, 1, H, W)``, ``row``
        ``(B, C, H, 1)``, ``column`` ``(B, C, 1, W)`` and ``full`` ``(B, C, H, W)``.
        """

    def _check_input(self, x: Tensor) -> None:
        owner = type(self).__name__
        if x.dim() == FEATURE_MAP_DIMS and self.channels in (None, x.shape[1]):
            if x.is_floating_point():
                return
            raise ShapeError(
                f"{owner}: expects floating point, got {x.dtype}. "
                "Convert it first: x.float()."
            )
        shape = tuple(x.shape)
        hint = ""
        if x.dim() == FEATURE_MAP_DIMS - 1:
            hint = " A single image needs a batch of one: x[None]."
        elif x.dim() == FEATURE_MAP_DIMS and x.shape[-1] == self.channels:
            hint = " If channels stand last, move them: x.permute(0, 3, 1, 2)."
        channels = "C" if self.channels is None else self.channels
        raise ShapeError(f"{owner}: expects (B, {channels}, H, W), got {shape}.{hint}")


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
        """Return the sigmoid of the logits."""
        return torch.sigmoid(self.logits(x))

    @final
    def transform(self, x: Tensor) -> Tensor:
        """Return ``x`` scaled by the gate."""
        return ops.sigmoid_scale(x, self.logits(x))
