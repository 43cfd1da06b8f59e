"""S2 attention: shift the channels four ways, then share out three such branches."""

from __future__ import annotations

from typing import final, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from foveate import _checks, ops
from foveate._options import SplitPool
from foveate.blocks._base import Block, check_floating_point
from foveate.blocks._registry import register
from foveate.errors import ShapeError

__all__ = ["S2Attention", "SplitAttention"]

BRANCHES_DIMS = 5
ROWS, COLUMNS = 2, 3


@final
class SplitAttention(nn.Module):
    """Add up several branches, each channel by weights that add up to 1 over them.

    The weights come from a perceptron that reads the pooled sum of all branches. With
    ``pool="sum"`` its logits grow with the number of places, so they are worked out in
    float32 or better, also under autocast.

    Args:
        channels: Channels of each branch.
        num_splits: How many branches there are.
        pool: ``sum`` over places, as in the paper, or their ``mean``.

    Shape:
        ``(B, num_splits, channels, H, W)`` to ``(B, channels, H, W)``.

    Raises:
        OptionError: A number is not greater than 0, or ``pool`` is not known.
        ShapeError: The input is not ``(B, num_splits, channels, H, W)``.

    Example:
        >>> SplitAttention(8)(torch.randn(2, 3, 8, 7, 5)).shape
        torch.Size([2, 8, 7, 5])

    Source: Yu, Li, Cai, Sun, Li (2021), https://arxiv.org/abs/2108.01072.
    """

    def __init__(
        self, channels: int, *, num_splits: int = 3, pool: SplitPool = "sum"
    ) -> None:
        super().__init__()
        _checks.positive("SplitAttention", channels=channels, num_splits=num_splits)
        _checks.one_of("SplitAttention", get_args(SplitPool), pool=pool)
        self.channels = channels
        self.num_splits = num_splits
        self.pool = pool
        self.fc1 = nn.Conv2d(channels, channels, 1, bias=False)
        self.fc2 = nn.Conv2d(channels, num_splits * channels, 1, bias=False)

    def forward(self, branches: Tensor) -> Tensor:
        """Return the weighted sum of the branches, in their type."""
        return ops.weighted_sum(branches.unbind(dim=1), self.weights(branches))

    def weights(self, branches: Tensor) -> Tensor:
        """Return the weights, ``(B, num_splits, channels, 1, 1)``."""
        self._check_input(branches)
        wide = ops.at_least_float32(branches)
        places = (3, 4)
        pooled = wide.sum(places) if self.pool == "sum" else wide.mean(places)
        pooled = pooled.sum(dim=1)[:, :, None, None]
        with ops.without_autocast(branches):
            hidden = functional.conv2d(pooled, self.fc1.weight.to(wide.dtype))
            logits = functional.conv2d(
                functional.gelu(hidden), self.fc2.weight.to(wide.dtype)
            )
        shape = (branches.shape[0], self.num_splits, self.channels, 1, 1)
        return logits.reshape(shape).softmax(dim=1).to(branches.dtype)

    def extra_repr(self) -> str:
        """Show the options that rebuild this module."""
        return f"{self.channels}, num_splits={self.num_splits}, pool={self.pool!r}"

    def _check_input(self, branches: Tensor) -> None:
        want = (self.num_splits, self.channels)
        if branches.dim() == BRANCHES_DIMS and tuple(branches.shape[1:3]) == want:
            check_floating_point("SplitAttention", branches)
            return
        raise ShapeError(
            f"SplitAttention: expects (B, {self.num_splits}, {self.channels}, H, W), "
            f"got {tuple(branches.shape)}. To join maps: torch.stack(maps, dim=1)."
        )


@register("s2")
@final
class S2Attention(Block):
    """Mix each place with its four neighbours by shifts, in three weighted branches.

    It has no residual: in the paper's network the input is added around it, after a
    LayerNorm before it.

    Args:
        channels: Channels of the feature map, a multiple of 4.
        pool: How the weights of the branches read the places: their ``sum``, as in the
            paper, or ``mean``, which does not grow with the map.

    Shape:
        ``(B, channels, H, W)`` to the same, for any ``H, W >= 1``.

    Raises:
        OptionError: ``channels`` is not a multiple of 4, or ``pool`` is not known.
        ShapeError: The input is not ``(B, channels, H, W)``.

    Example:
        >>> S2Attention(64).maps(torch.randn(2, 64, 7, 5))["branch"].shape
        torch.Size([2, 3, 64, 1, 1])

    Source: Yu, Li, Cai, Sun, Li (2021), https://arxiv.org/abs/2108.01072.
    """

    def __init__(self, channels: int, *, pool: SplitPool = "sum") -> None:
        super().__init__()
        _checks.positive("S2Attention", channels=channels)
        _checks.multiple_of("S2Attention", channels, 4, "a quarter for each direction")
        _checks.one_of("S2Attention", get_args(SplitPool), pool=pool)
        self.channels: int = channels
        self.expand = nn.Conv2d(channels, 3 * channels, 1)
        self.split = SplitAttention(channels, pool=pool)
        self.project = nn.Conv2d(channels, channels, 1)

    def transform(self, x: Tensor) -> Tensor:
        """Return the weighted sum of the branches, projected."""
        mixed: Tensor = self.project(self.split(self._branches(x)))
        return ops.in_layout_of(mixed, x).to(x.dtype)

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        """Return the weights as ``branch``, ``(B, 3, channels, 1, 1)``."""
        self._check_input(x)
        return {"branch": self.split.weights(self._branches(x))}

    def _branches(self, x: Tensor) -> Tensor:
        first, second, still = self.expand(x).chunk(3, dim=1)
        shifted = (
            _shift_quarters(first, ROWS, COLUMNS),
            _shift_quarters(second, COLUMNS, ROWS),
        )
        return torch.stack([*shifted, still], dim=1)


def _shift_quarters(x: Tensor, axis: int, other: int) -> Tensor:
    """Move the first half of channels along one axis, both ways, the second along."""
    quarters = x.chunk(4, dim=1)
    moved = (
        ops.shift(quarters[0], axis, 1),
        ops.shift(quarters[1], axis, -1),
        ops.shift(quarters[2], other, 1),
        ops.shift(quarters[3], other, -1),
    )
    return torch.cat(moved, dim=1)
