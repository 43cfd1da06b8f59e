"""Criss-cross attention: let each place look along its row and its column."""

from __future__ import annotations

from typing import ClassVar, cast, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from foveate import _checks, ops
from foveate._options import bottleneck_width
from foveate.blocks._base import Block, check_place
from foveate.blocks._registry import register

__all__ = ["CrissCrossAttention"]


@register("criss_cross")
@final
class CrissCrossAttention(Block):
    """Add to each place a weighted mean of its row and its column.

    A place weighs the ``H + W - 1`` places of its cross, itself once, by a softmax over
    products of its query with their keys. The mean is scaled by ``gamma``, which starts
    at 0: a new block returns its input. Memory grows with ``H * W``.

    The softmax takes no notice of the bias of ``key``. It is kept, as published weights
    have it, but what it learns is noise.

    Args:
        channels: Channels of the feature map.
        reduction: Queries and keys are ``channels // reduction`` wide.
        hidden_channels: Their width, instead of that.
        min_channels: They are never narrower than this.
        recurrence: How often the block is applied, with the same weights. After two
            passes each place has seen all others.

    Shape:
        ``(B, channels, H, W)`` to the same, for any ``H, W >= 1``.

    Raises:
        OptionError: A width or ``recurrence`` is not greater than 0.
        ShapeError: The input is not ``(B, channels, H, W)``.

    Example:
        >>> x = torch.randn(2, 64, 7, 5)
        >>> CrissCrossAttention(64)(x).equal(x)
        True

    Source: Huang, Wang, Wei, Huang, Shi, Liu, Huang (2019),
    https://arxiv.org/abs/1811.11721, "criss-cross attention".
    """

    starts_as_identity: ClassVar[bool] = True

    def __init__(
        self,
        channels: int,
        *,
        reduction: int = 8,
        hidden_channels: int | None = None,
        min_channels: int = 1,
        recurrence: int = 1,
    ) -> None:
        super().__init__()
        width = bottleneck_width(
            "CrissCrossAttention",
            channels,
            reduction=reduction,
            hidden_channels=hidden_channels,
            min_channels=min_channels,
        )
        _checks.positive("CrissCrossAttention", recurrence=recurrence)
        self.channels: int = channels
        self.recurrence = recurrence
        self.query = nn.Conv2d(channels, width, 1)
        self.key = nn.Conv2d(channels, width, 1)
        self.value = nn.Conv2d(channels, channels, 1)
        self.gamma = nn.Parameter(torch.zeros(1))

    def transform(self, x: Tensor) -> Tensor:
        """Return ``x`` after all passes."""
        for _ in range(self.recurrence):
            x = self._pass(x)
        return x

    def maps(
        self, x: Tensor, *, query: tuple[int, int] | None = None
    ) -> dict[str, Tensor]:
        """Return where one place looks in the last pass: ``attention``.

        Args:
            x: Feature map, ``(B, channels, H, W)``.
            query: The place, ``(row, column)``; None: the centre,
                ``(H // 2, W // 2)``.

        Returns:
            ``attention``, ``(B, 1, H, W)``: 0 off the cross of the place; adds up to 1.

        Raises:
            ShapeError: ``query`` is outside of the map.
        """
        self._check_input(x)
        row, column = check_place("CrissCrossAttention", x, query)
        for _ in range(self.recurrence - 1):
            x = self._pass(x)
        height, width = x.shape[2], x.shape[3]
        one = self.query(x[:, :, row : row + 1, column : column + 1])
        cross = torch.cat([x[:, :, row], x[:, :, :, column]], dim=2)
        keys = self.key(cross[:, :, None])
        logits = ops.attention_logits(one.flatten(2).transpose(1, 2), keys.flatten(2))
        own = torch.arange(width + height, device=x.device) == width + row
        weights = ops.attention_weights(logits.masked_fill(own, -torch.inf))
        along_row = weights[:, :, None, :width]
        along_column = weights[:, :, width:, None]
        above_and_below = (0, 0, row, height - 1 - row)
        beside = (column, width - 1 - column, 0, 0)
        return {
            "attention": functional.pad(along_row, above_and_below)
            + functional.pad(along_column, beside)
        }

    def extra_repr(self) -> str:
        """Show the options that rebuild this block."""
        width = self.query.out_channels
        return f"{self.channels}, hidden_channels={width}, recurrence={self.recurrence}"

    def _pass(self, x: Tensor) -> Tensor:
        """Return ``x`` plus what each place sees along its row and its column."""
        # the weights of a place add up to 1, so a mean of values is the value of a mean
        seen = ops.criss_cross(self.query(x), self.key(x), x)
        if not x.is_contiguous():
            # the gradient of x, too, keeps its layout
            learned: Tensor = self.value(seen)
            return x + (self.gamma * learned).to(x.dtype)
        gamma = self.gamma.to(x.dtype)
        weight = gamma * self.value.weight.to(x.dtype).flatten(1)
        bias = gamma * cast("Tensor", self.value.bias).to(x.dtype)
        with ops.without_autocast(x):
            scaled = torch.baddbmm(
                x.flatten(2), weight.expand(x.shape[0], -1, -1), seen.flatten(2)
            )
        return scaled.view(x.shape).add_(bias[:, None, None])
