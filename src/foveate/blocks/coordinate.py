"""Coordinate attention: weigh each channel by a gate per row and one per column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn

from foveate import _checks, ops
from foveate._options import bottleneck_width
from foveate.blocks._base import Gate
from foveate.blocks._layers import Layer, activation, norm
from foveate.blocks._registry import register

__all__ = ["CoordinateAttention"]


@register("coordinate")
@final
class CoordinateAttention(Gate):
    """Scale each value by a gate of its row times a gate of its column.

    Args:
        channels: Channels of the feature map.
        reduction: The bottleneck is ``channels // reduction`` wide.
        hidden_channels: The bottleneck's width, instead of that.
        min_channels: The bottleneck is never narrower than this.
        bias: Whether the three convolutions have a bias.
        norm_layer: Normalisation after the first convolution, by name or class.
        act_layer: Activation after it, by name or class.

    Shape:
        ``(B, channels, H, W)`` to the same, for any ``H, W >= 1``.

    Raises:
        OptionError: A width is not greater than 0, or a layer has no such name.
        ShapeError: The input is not ``(B, channels, H, W)``.

    Example:
        >>> block = CoordinateAttention(64)
        >>> maps = block.maps(torch.randn(2, 64, 7, 5))
        >>> maps["row"].shape, maps["column"].shape
        (torch.Size([2, 64, 7, 1]), torch.Size([2, 64, 1, 5]))

    Source: Hou, Zhou, Feng (2021), https://arxiv.org/abs/2103.02907, equations 4-9.
    """

    def __init__(
        self,
        channels: int,
        *,
        reduction: int = 32,
        hidden_channels: int | None = None,
        min_channels: int = 8,
        bias: bool = True,
        norm_layer: Layer = "batch_norm",
        act_layer: Layer = "hardswish",
    ) -> None:
        super().__init__()
        width = bottleneck_width(
            "CoordinateAttention",
            channels,
            reduction=reduction,
            hidden_channels=hidden_channels,
            min_channels=min_channels,
        )
        _checks.boolean("CoordinateAttention", bias=bias)
        self.channels = channels
        self.conv1 = nn.Conv2d(channels, width, 1, bias=bias)
        self.bn1 = norm("CoordinateAttention", norm_layer, width)
        self.act = activation("CoordinateAttention", act_layer)
        self.conv_h = nn.Conv2d(width, channels, 1, bias=bias)
        self.conv_w = nn.Conv2d(width, channels, 1, bias=bias)

    def gates(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the gates of rows and columns.

        Returns:
            ``(B, channels, H, 1)`` and ``(B, channels, 1, W)``.
        """
        rows, columns = ops.mean_of_rows_and_columns(x)
        pooled = torch.cat([rows, columns.transpose(2, 3)], dim=2)
        hidden = self.act(self.bn1(ops.project(pooled, self.conv1)))
        of_rows, of_columns = hidden.split([x.shape[2], x.shape[3]], dim=2)
        row_logits = ops.project(of_rows, self.conv_h)
        column_logits = ops.project(of_columns, self.conv_w).transpose(2, 3)
        return row_logits.sigmoid(), column_logits.sigmoid()

    def gate(self, x: Tensor) -> Tensor:
        """Return the product of both gates, ``(B, channels, H, W)``."""
        row, column = self.gates(x)
        return row * column

    def transform(self, x: Tensor) -> Tensor:
        """Return ``x`` scaled by both gates."""
        return ops.scale(x, *self.gates(x))

    def last_layers(self) -> Sequence[nn.Module]:
        """Return the last convolutions of rows and of columns."""
        return self.conv_h, self.conv_w

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        """Return ``row`` and ``column``, the gates as ``gates`` gives them."""
        self._check_input(x)
        row, column = self.gates(x)
        return {"row": row, "column": column}
