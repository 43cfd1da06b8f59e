"""Second-order channel attention: weigh channels by how they vary together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from torch import Tensor, nn

from foveate import _checks, ops
from foveate._options import bottleneck_width
from foveate.blocks._base import SigmoidGate
from foveate.blocks._registry import register

__all__ = ["SOCA"]


@register("soca")
@final
class SOCA(SigmoidGate):
    """Scale each channel by how much it varies together with all others.

    Steps towards the root of a covariance cost more than ``channels ** 3`` products an
    image: wide layers are dear. They are worked out in float32 or better.

    Args:
        channels: Channels of the feature map.
        reduction: The bottleneck is ``channels // reduction`` wide.
        hidden_channels: The bottleneck's width, instead of that.
        min_channels: The bottleneck is never narrower than this.
        num_iters: Steps of Newton and Schulz towards the square root, at least 1.
        max_side: The covariance reads at most so many rows and columns, from the
            middle of the map.

    Shape:
        ``(B, channels, H, W)`` to the same, for any ``H, W >= 1``.

    Raises:
        OptionError: A number is not greater than 0.
        ShapeError: The input is not ``(B, channels, H, W)``.

    Example:
        >>> import torch
        >>> SOCA(64).gate(torch.randn(2, 64, 7, 5)).shape
        torch.Size([2, 64, 1, 1])

    Source: Dai, Cai, Zhang, Xia, Zhang (2019),
    https://openaccess.thecvf.com/content_CVPR_2019/html/Dai_Second-Order_Attention_Network_for_Single_Image_Super-Resolution_CVPR_2019_paper.html
    """

    def __init__(
        self,
        channels: int,
        *,
        reduction: int = 8,
        hidden_channels: int | None = None,
        min_channels: int = 1,
        num_iters: int = 5,
        max_side: int = 1000,
    ) -> None:
        super().__init__()
        width = bottleneck_width(
            "SOCA",
            channels,
            reduction=reduction,
            hidden_channels=hidden_channels,
            min_channels=min_channels,
        )
        _checks.positive("SOCA", num_iters=num_iters, max_side=max_side)
        self.channels = channels
        self.num_iters = num_iters
        self.max_side = max_side
        self.fc1 = nn.Conv2d(channels, width, 1)
        self.act = nn.ReLU()
        self.fc2 = nn.Conv2d(width, channels, 1)

    def logits(self, x: Tensor) -> Tensor:
        """Return ``(B, channels, 1, 1)``."""
        pooled = self.pool(x)[:, :, None, None].to(x.dtype)
        return ops.project(self.act(ops.project(pooled, self.fc1)), self.fc2)

    def pool(self, x: Tensor) -> Tensor:
        """Return the mean column of the covariance's square root, ``(B, channels)``."""
        return ops.pool_by_covariance(x, self.max_side, self.num_iters)

    def last_layers(self) -> Sequence[nn.Module]:
        """Return the projection that gives the logits."""
        return (self.fc2,)

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        """Return the gate as ``channel``, ``(B, channels, 1, 1)``."""
        return {"channel": self.gate(x)}

    def extra_repr(self) -> str:
        """Show the options that rebuild this block."""
        return f"{self.channels}, num_iters={self.num_iters}, max_side={self.max_side}"
