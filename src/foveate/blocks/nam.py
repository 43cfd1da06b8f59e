"""NAM: weigh channels, and places, by the scales of their own BatchNorm."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from math import prod
from typing import final

import torch
from torch import Tensor, nn

from foveate import _checks, ops
from foveate.blocks._base import Gate
from foveate.blocks._registry import register

__all__ = ["NAM", "nam_penalty"]


@register("nam")
@final
class NAM(Gate):
    """Scale each value by its normalised self, times how much its channel counts.

    A channel counts by its share in the scales of the BatchNorm. Add
    ``1e-4 * nam_penalty(model)`` to the loss to drive the others to 0, as the authors
    do.

    Args:
        channels: Channels of the feature map.
        spatial_size: ``(H, W)`` of the only maps that it then takes, to weigh places
            after channels by a BatchNorm of theirs. None weighs channels only.
        detach: Whether the shares pass no gradient, as in the authors' code.

    Shape:
        ``(B, channels, H, W)`` to the same, for any ``H, W >= 1``, or for
        ``spatial_size`` only. A batch in training needs more than one place: torch
        raises ValueError.

    Raises:
        OptionError: ``channels`` is not greater than 0, or ``spatial_size`` is not two
            whole numbers greater than 0.
        ShapeError: The input is not ``(B, channels, H, W)``, or not of
            ``spatial_size``.

    Example:
        >>> block = NAM(64, spatial_size=(7, 5))
        >>> sorted(block.maps(torch.randn(2, 64, 7, 5)))
        ['channel_full', 'spatial_full']

    Source: Liu, Shao, Teng, Hoffmann (2021), https://arxiv.org/abs/2111.12419,
    equations 2 and 3.
    """

    def __init__(
        self,
        channels: int,
        *,
        spatial_size: Sequence[int] | None = None,
        detach: bool = True,
    ) -> None:
        super().__init__()
        _checks.positive("NAM", channels=channels)
        _checks.boolean("NAM", detach=detach)
        self.channels: int = channels
        self.spatial_size = _checks.size_or_none("NAM", spatial_size=spatial_size)
        self.detach = detach
        self.channel_bn = nn.BatchNorm2d(channels)
        places = 0 if self.spatial_size is None else prod(self.spatial_size)
        self.spatial_bn = nn.BatchNorm1d(places) if places else None

    def transform(self, x: Tensor) -> Tensor:
        """Return ``x`` scaled by channels, then by places."""
        share = self._shares(self.channel_bn)[:, None]
        scaled = ops.batch_norm_scale(x, self.channel_bn, share)
        if self.spatial_bn is None:
            return scaled
        return ops.scale(scaled, self._spatial_gate(scaled, self.spatial_bn))

    def gate(self, x: Tensor) -> Tensor:
        """Return the product of both gates, ``(B, channels, H, W)``."""
        return reduce(torch.mul, self.maps(x).values())

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        """Return ``channel_full``, ``(B, channels, H, W)``, and ``spatial_full``."""
        self._check_input(x)
        channel = self._channel_gate(x)
        if self.spatial_bn is None:
            return {"channel_full": channel}
        spatial = self._spatial_gate(ops.scale(x, channel), self.spatial_bn)
        return {"channel_full": channel, "spatial_full": spatial}

    def extra_repr(self) -> str:
        """Show the options that rebuild this block."""
        return (
            f"{self.channels}, spatial_size={self.spatial_size}, detach={self.detach}"
        )

    def _channel_gate(self, x: Tensor) -> Tensor:
        normal = self.channel_bn(x)
        share = self._shares(self.channel_bn)[:, None]
        return torch.sigmoid(share.to(normal.dtype) * normal)

    def _spatial_gate(self, x: Tensor, norm: nn.BatchNorm1d) -> Tensor:
        # (B, H * W, C), so that each place has a scale, row by row
        normal = norm(x.flatten(2).transpose(1, 2))
        gate = torch.sigmoid(self._shares(norm).to(normal.dtype) * normal)
        return gate.transpose(1, 2).reshape(x.shape)

    def _shares(self, norm: nn.BatchNorm1d | nn.BatchNorm2d) -> Tensor:
        """Return each scale's share in all, ``(features, 1)``; 0 if all are 0.

        It is in float32 or better.
        """
        size = ops.at_least_float32(norm.weight.abs())
        share = size / size.sum().clamp(min=torch.finfo(size.dtype).tiny)
        share = share.detach() if self.detach else share
        return share[:, None]


def nam_penalty(model: nn.Module) -> Tensor:
    """Return the sum of the sizes of the channel scales of all NAM blocks.

    Args:
        model: A network, or one block. Without a NAM block in it the penalty is 0.

    Returns:
        A tensor of no axes, to be multiplied by, say, 1e-4 and added to the loss.

    Example:
        >>> model = nn.Sequential(NAM(8), nn.ReLU(), NAM(16))
        >>> nam_penalty(model).item()  # every scale starts at 1
        24.0

    Source: Liu, Shao, Teng, Hoffmann (2021), https://arxiv.org/abs/2111.12419,
    equation 4.
    """
    sizes = [
        ops.at_least_float32(block.channel_bn.weight).abs().sum()
        for block in model.modules()
        if isinstance(block, NAM)
    ]
    return sum(sizes, start=torch.zeros(()))
