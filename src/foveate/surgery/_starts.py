"""What a grafted block does before it has learned."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import final

import torch
from torch import Tensor, nn

from foveate import ops
from foveate.blocks import Block
from foveate.errors import OptionError
from foveate.records import Start

__all__ = ["Blended", "Grafted", "Opened", "Plain", "grafted"]


class Grafted(nn.Module, ABC):
    """A block at the place where it was grafted.

    Attributes:
        block: The block, by whatever name the plan gave.
    """

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.block = block

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the shape of ``x``, ``(B, C, H, W)``."""


@final
class Plain(Grafted):
    """The block as its paper has it: ``start="paper"``.

    Also a block that begins as the identity by itself.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's answer."""
        answer: Tensor = self.block(x)
        return answer


@final
class Blended(Grafted):
    """A learned blend of input and block: ``start="identity"``.

    It is ``x + amount * (block(x) - x)`` with an amount for each channel that begins at
    0, where the output is ``x`` to the last bit, and at 1 is the block.

    Source: the residual scale that begins at zero of Bachlechner et al. (2020),
    ReZero is All You Need, https://arxiv.org/abs/2003.04887, equation 1, here for each
    channel and of the difference, so that the block's own output can be reached.
    """

    def __init__(self, block: nn.Module, channels: int) -> None:
        super().__init__(block)
        self.amount = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Return the blend, of the dtype of ``x``."""
        return ops.blend(x, self.block(x), self.amount)


@final
class Opened(Grafted):
    """A block whose gates begin at one: ``start="gate"``.

    Its last layers are set to zero, so that each of its sigmoids is one half, and
    ``factor`` makes up for them. Unlike a blend it learns in full from the first step.

    Attributes:
        factor: A power of two, so that the product is ``x`` to the last bit.
    """

    def __init__(self, block: nn.Module, factor: int) -> None:
        super().__init__(block)
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's answer times the factor."""
        answer: Tensor = self.factor * self.block(x)
        return answer

    def extra_repr(self) -> str:
        """Show the factor."""
        return f"factor={self.factor}"


def grafted(block: nn.Module, start: Start, channels: int) -> Grafted:
    """Return ``block`` as it begins.

    Args:
        block: A new block; ``gate`` needs one of the catalogue.
        start: How it begins.
        channels: Channels of its maps.

    Raises:
        OptionError: The block cannot begin so.
    """
    if start == "gate":
        if not isinstance(block, Block):
            raise OptionError(
                f"{type(block).__name__} cannot start as 'gate': only blocks of the "
                "catalogue have gates to open. Use start='identity' or 'paper'."
            )
        return Opened(block, block.open_gate())
    if start == "paper" or (isinstance(block, Block) and block.starts_as_identity):
        # within a blend of 0 a scale of 0 would never learn
        return Plain(block)
    return Blended(block, channels)
