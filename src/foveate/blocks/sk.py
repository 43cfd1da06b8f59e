"""Selective kernel: share a map out among convolutions of several sizes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from typing import final

import torch
from torch import Tensor, nn

from foveate import _checks, ops
from foveate._options import bottleneck_width
from foveate.blocks._base import Block
from foveate.blocks._layers import conv_norm_relu
from foveate.blocks._registry import register

__all__ = ["SelectiveKernel"]

FEWEST_BRANCHES = 2


@register("sk")
@final
class SelectiveKernel(Block):
    """Replace a map by its convolutions of several sizes, weighed for each channel.

    The weights of the branches come from the mean of their sum and add up to 1. It is
    not a gate: its authors put it in the place of the 3x3 convolution of a bottleneck.

    Args:
        channels: Channels of the feature map, a multiple of ``groups``.
        kernel_sizes: Sides of the kernels, two or more odd numbers, one a branch.
        groups: Groups of each convolution.
        reduction: The bottleneck is ``channels // reduction`` wide.
        hidden_channels: The bottleneck's width, instead of that.
        min_channels: The bottleneck is never narrower than this.
        dilated: Whether a kernel of 5 is a 3x3 with dilation 2, of 7 one with dilation
            3, and so on.
        stride: Stride of each convolution; only 1 keeps the size of the map.
        conv_bias: Whether the convolutions have a bias.
        fc_norm: Whether BatchNorm and ReLU stand between the two projections.
        fc_bias: Whether the two projections have a bias.

    Shape:
        ``(B, channels, H, W)`` to the same, for any ``H, W >= 1``; with a ``stride`` of
        s to ``(B, channels, ceil(H / s), ceil(W / s))``. With ``fc_norm``, a batch in
        training needs more than one image, without it more than one place: torch raises
        ValueError.

    Raises:
        OptionError: ``channels`` is not a multiple of ``groups``, ``kernel_sizes`` are
            not two or more odd numbers, or a width is not greater than 0.
        ShapeError: The input is not ``(B, channels, H, W)``.

    Example:
        >>> block = SelectiveKernel(64)
        >>> x = torch.randn(2, 64, 7, 5)
        >>> block(x).shape, block.maps(x)["branch"].shape
        (torch.Size([2, 64, 7, 5]), torch.Size([2, 2, 64, 1, 1]))

    Source: Li, Wang, Hu, Yang (2019), https://arxiv.org/abs/1903.06586, section 3.1.
    """

    def __init__(
        self,
        channels: int,
        *,
        kernel_sizes: Sequence[int] = (3, 5),
        groups: int = 32,
        reduction: int = 16,
        hidden_channels: int | None = None,
        min_channels: int = 32,
        dilated: bool = True,
        stride: int = 1,
        conv_bias: bool = False,
        fc_norm: bool = True,
        fc_bias: bool = False,
    ) -> None:
        super().__init__()
        owner = "SelectiveKernel"
        width = bottleneck_width(
            owner,
            channels,
            reduction=reduction,
            hidden_channels=hidden_channels,
            min_channels=min_channels,
        )
        _checks.boolean(
            owner,
            dilated=dilated,
            conv_bias=conv_bias,
            fc_norm=fc_norm,
            fc_bias=fc_bias,
        )
        _checks.positive(owner, groups=groups, stride=stride)
        _checks.multiple_of(owner, channels, groups, "groups")
        _checks.whole_numbers(
            owner, fewest=FEWEST_BRANCHES, example=(3, 5), kernel_sizes=kernel_sizes
        )
        for kernel_size in kernel_sizes:
            _checks.odd(owner, kernel_sizes=kernel_size)
        self.channels: int = channels
        self.training_batch = 2 if fc_norm else 1
        self.exported_side = 1 if stride == 1 else stride + 1
        self.branches = nn.ModuleList(
            conv_norm_relu(
                nn.Conv2d(
                    channels,
                    channels,
                    min(kernel_size, 3) if dilated else kernel_size,
                    stride=stride,
                    padding=kernel_size // 2,
                    dilation=max(kernel_size // 2, 1) if dilated else 1,
                    groups=groups,
                    bias=conv_bias,
                )
            )
            for kernel_size in kernel_sizes
        )
        self.attn = _attention(
            channels, width, len(kernel_sizes), norm=fc_norm, bias=fc_bias
        )
        # the first weights of the authors' network
        msra = partial(nn.init.kaiming_normal_, nonlinearity="relu")
        _fill(self.branches, msra)
        _fill(self.attn, partial(nn.init.normal_, std=0.01))

    def transform(self, x: Tensor) -> Tensor:
        """Return the weighted sum of the branches."""
        branches = self._branches(x)
        return ops.weighted_sum(branches, self._weights(branches)).to(x.dtype)

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        """Return the weights as ``branch``, ``(B, K, channels, 1, 1)``."""
        self._check_input(x)
        return {"branch": self._weights(self._branches(x))}

    def _branches(self, x: Tensor) -> list[Tensor]:
        return [branch(x) for branch in self.branches]

    def _weights(self, branches: list[Tensor]) -> Tensor:
        means = torch.stack([ops.mean_over_places(branch) for branch in branches])
        logits: Tensor = self.attn(means.sum(dim=0))
        shape = (logits.shape[0], len(branches), self.channels, 1, 1)
        return logits.reshape(shape).softmax(dim=1)


def _attention(
    channels: int, width: int, branches: int, *, norm: bool, bias: bool
) -> nn.Sequential:
    """Return what turns means into logits, those of one branch after another."""
    between = OrderedDict[str, nn.Module]()
    if norm:
        between = OrderedDict(bn=nn.BatchNorm2d(width), act=nn.ReLU())
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        fc1=nn.Conv2d(channels, width, 1, bias=bias),
        **between,
        fc2=nn.Conv2d(width, branches * channels, 1, bias=bias),
    )
    return nn.Sequential(layers)


def _fill(part: nn.Module, fill: Callable[[Tensor], Tensor]) -> None:
    """Fill the weights of all convolutions; their biases become 0."""
    for layer in part.modules():
        if isinstance(layer, nn.Conv2d):
            fill(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
