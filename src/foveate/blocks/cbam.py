"""CBAM and its halves: weigh channels, then places, by means and maxima."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn

from foveate import _checks, ops
from foveate._options import bottleneck_width, known_pools, no_open_gate
from foveate.blocks._base import Gate, SigmoidGate
from foveate.blocks._layers import Layer, activation
from foveate.blocks._registry import register

__all__ = ["CBAM", "ChannelAttention", "SpatialAttention"]


@register("channel")
@final
class ChannelAttention(SigmoidGate):
    """Scale each channel by one perceptron's answers to its mean and its maximum.

    Args:
        channels: Channels of the feature map.
        reduction: The bottleneck is ``channels // reduction`` wide.
        hidden_channels: The bottleneck's width, instead of that.
        min_channels: The bottleneck is never narrower than this.
        bias: Whether the two projections have a bias; it starts at 0.
        pool_types: Which of ``avg``, ``max``, ``lp``, ``lse`` to add up.
        act_layer: Activation of the bottleneck, by name or class.
        rectify_logits: Cut each answer at 0 before they are added, as widely copied
            Keras code does: the gate can then never go below one half.

    Shape:
        ``(B, channels, H, W)`` to the same, for any ``H, W >= 1``.

    Raises:
        OptionError: A width is not greater than 0, or a name is not known.
        ShapeError: The input is not ``(B, channels, H, W)``.

    Example:
        >>> ChannelAttention(64).gate(torch.randn(2, 64, 7, 5)).shape
        torch.Size([2, 64, 1, 1])

    Source: Woo, Park, Lee, Kweon (2018), https://arxiv.org/abs/1807.06521, equation 2.
    """

    def __init__(
        self,
        channels: int,
        *,
        reduction: int = 16,
        hidden_channels: int | None = None,
        min_channels: int = 1,
        bias: bool = True,
        pool_types: Sequence[str] = ("avg", "max"),
        act_layer: Layer = "relu",
        rectify_logits: bool = False,
    ) -> None:
        super().__init__()
        width = bottleneck_width(
            "ChannelAttention",
            channels,
            reduction=reduction,
            hidden_channels=hidden_channels,
            min_channels=min_channels,
        )
        _checks.boolean("ChannelAttention", bias=bias, rectify_logits=rectify_logits)
        self.channels = channels
        self.pool_types = known_pools("ChannelAttention", pool_types)
        self.rectify_logits = rectify_logits
        self.fc1 = nn.Conv2d(channels, width, 1, bias=bias)
        self.act = activation("ChannelAttention", act_layer)
        self.fc2 = nn.Conv2d(width, channels, 1, bias=bias)
        for fc in (self.fc1, self.fc2):
            if fc.bias is not None:
                nn.init.zeros_(fc.bias)

    def logits(self, x: Tensor) -> Tensor:
        """Return ``(B, channels, 1, 1)``."""
        # one call of the perceptron: to it they are images of one batch
        answers = self._perceptron(torch.cat(self._pooled(x)))
        return answers.reshape(len(self.pool_types), *x.shape[:2], 1, 1).sum(dim=0)

    def last_layers(self) -> Sequence[nn.Module]:
        """Return the projection that gives the logits."""
        # at a cut at 0 logits of 0 would never learn: a ReLU passes no gradient there
        if self.rectify_logits:
            cure = "start='identity' or rectify_logits=False"
            raise no_open_gate("ChannelAttention", "rectify_logits=True", cure)
        return (self.fc2,)

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        """Return the gate as ``channel``, ``(B, channels, 1, 1)``."""
        return {"channel": self.gate(x)}

    def _pooled(self, x: Tensor) -> list[Tensor]:
        if not {"avg", "max"} <= set(self.pool_types):
            return [ops.pool(x, how) for how in self.pool_types]
        mean, maximum = ops.mean_max_over_places(x)
        known = {"avg": mean, "max": maximum}
        return [
            known[how] if how in known else ops.pool(x, how) for how in self.pool_types
        ]

    def _perceptron(self, pooled: Tensor) -> Tensor:
        hidden = self.act(ops.project(pooled, self.fc1))
        answer = ops.project(hidden, self.fc2)
        return answer.relu() if self.rectify_logits else answer


@register("spatial")
@final
class SpatialAttention(SigmoidGate):
    """Scale each place by a convolution over the mean and maximum of its channels.

    Args:
        channels: Channels of the feature map; None takes any.
        kernel_size: Side of the convolution, odd.
        norm: Whether a BatchNorm follows it, as in the official code. Its scale starts
            at 0, so the gate starts at one half everywhere.
        bias: Whether the convolution has a bias.

    Shape:
        ``(B, channels, H, W)`` to the same, for any ``H, W >= 1``. With ``norm``, a
        batch in training needs more than one place: torch raises ValueError.

    Raises:
        OptionError: ``kernel_size`` is even.
        ShapeError: The input is not ``(B, channels, H, W)``.

    Example:
        >>> SpatialAttention().gate(torch.randn(2, 64, 7, 5)).shape
        torch.Size([2, 1, 7, 5])

    Source: Woo, Park, Lee, Kweon (2018), https://arxiv.org/abs/1807.06521, equation 3.
    """

    def __init__(
        self,
        channels: int | None = None,
        *,
        kernel_size: int = 7,
        norm: bool = True,
        bias: bool = False,
    ) -> None:
        super().__init__()
        _checks.positive_or_none("SpatialAttention", channels=channels)
        _checks.boolean("SpatialAttention", norm=norm, bias=bias)
        _checks.odd("SpatialAttention", kernel_size=kernel_size)
        self.channels = channels
        self.conv = nn.Conv2d(2, 1, kernel_size, padding=kernel_size // 2, bias=bias)
        self.bn = nn.BatchNorm2d(1, momentum=0.01) if norm else None
        if self.bn is not None:
            nn.init.zeros_(self.bn.weight)

    def logits(self, x: Tensor) -> Tensor:
        """Return ``(B, 1, H, W)``."""
        return self.logits_of_scaled(x, None)

    def logits_of_scaled(self, x: Tensor, channel: Tensor | None) -> Tensor:
        """Return the logits, ``(B, 1, H, W)``, of ``x`` scaled by a gate.

        Args:
            x: Feature map, ``(B, C, H, W)``.
            channel: The gate, ``(B, C, 1, 1)``; None leaves ``x`` as it is.
        """
        pooled = ops.mean_max_over_channels(x, channel)
        logits = ops.convolve_to_one(pooled, self.conv)
        return logits if self.bn is None else self.bn(logits)

    def last_layers(self) -> Sequence[nn.Module]:
        """Return the BatchNorm, or the convolution if there is none."""
        return (self.conv if self.bn is None else self.bn,)

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        """Return the gate as ``spatial``, ``(B, 1, H, W)``."""
        return {"spatial": self.gate(x)}


@register("cbam")
@final
class CBAM(Gate):
    """Scale channels, then the places of the result.

    Args:
        channels: Channels of the feature map.
        reduction: The channel bottleneck is ``channels // reduction`` wide.
        hidden_channels: The bottleneck's width, instead of that.
        min_channels: The bottleneck is never narrower than this.
        kernel_size: Side of the spatial convolution, odd.
        bias: Whether the channel half has biases.
        pool_types: Which of ``avg``, ``max``, ``lp``, ``lse`` the channel half adds up.
        act_layer: Activation of the channel bottleneck, by name or class.
        rectify_logits: See ``ChannelAttention``.
        spatial_norm: Whether a BatchNorm follows the spatial convolution.
        spatial_bias: Whether the spatial convolution has a bias.
        no_spatial: Leave the spatial half out.
        residual: Add the input to the output, as widely copied Keras code does.

    Shape:
        ``(B, channels, H, W)`` to the same, for any ``H, W >= 1``. With
        ``spatial_norm``, a batch in training needs more than one place.

    Raises:
        OptionError: A width is not greater than 0, ``kernel_size`` is even, or a name
            is not known.
        ShapeError: The input is not ``(B, channels, H, W)``.

    Example:
        >>> block = CBAM(64)
        >>> maps = block.maps(torch.randn(2, 64, 7, 5))
        >>> maps["channel"].shape, maps["spatial"].shape
        (torch.Size([2, 64, 1, 1]), torch.Size([2, 1, 7, 5]))

    Source: Woo, Park, Lee, Kweon (2018), https://arxiv.org/abs/1807.06521, equation 1.
    """

    def __init__(
        self,
        channels: int,
        *,
        reduction: int = 16,
        hidden_channels: int | None = None,
        min_channels: int = 1,
        kernel_size: int = 7,
        bias: bool = True,
        pool_types: Sequence[str] = ("avg", "max"),
        act_layer: Layer = "relu",
        rectify_logits: bool = False,
        spatial_norm: bool = True,
        spatial_bias: bool = False,
        no_spatial: bool = False,
        residual: bool = False,
    ) -> None:
        super().__init__()
        # not under the names of its halves, which nobody asked for
        _checks.boolean(
            "CBAM",
            bias=bias,
            rectify_logits=rectify_logits,
            spatial_norm=spatial_norm,
            spatial_bias=spatial_bias,
            no_spatial=no_spatial,
            residual=residual,
        )
        bottleneck_width(
            "CBAM",
            channels,
            reduction=reduction,
            hidden_channels=hidden_channels,
            min_channels=min_channels,
        )
        self.channels = channels
        self.residual = residual
        self.channel = ChannelAttention(
            channels,
            reduction=reduction,
            hidden_channels=hidden_channels,
            min_channels=min_channels,
            bias=bias,
            pool_types=pool_types,
            act_layer=act_layer,
            rectify_logits=rectify_logits,
        )
        spatial = SpatialAttention(
            channels, kernel_size=kernel_size, norm=spatial_norm, bias=spatial_bias
        )
        self.spatial = None if no_spatial else spatial

    def transform(self, x: Tensor) -> Tensor:
        """Return ``x`` scaled by channels, then by places."""
        scaled = ops.scale(x, *self._gates(x))
        return x + scaled if self.residual else scaled

    def gate(self, x: Tensor) -> Tensor:
        """Return the product of both gates, plus 1 with ``residual``."""
        gates = list(self.maps(x).values())
        product = gates[0] if self.spatial is None else gates[0] * gates[1]
        return 1 + product if self.residual else product

    def last_layers(self) -> Sequence[nn.Module]:
        """Return the last layers of both halves."""
        if self.residual:
            cure = "start='identity' or residual=False"
            raise no_open_gate("CBAM", "residual=True", cure)
        halves = (self.channel, self.spatial)
        return [n for half in halves if half is not None for n in half.last_layers()]

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        """Return ``channel``, ``(B, channels, 1, 1)``, and ``spatial``."""
        self._check_input(x)
        return dict(zip(("channel", "spatial"), self._gates(x), strict=False))

    def _gates(self, x: Tensor) -> list[Tensor]:
        channel = torch.sigmoid(self.channel.logits(x))
        if self.spatial is None:
            return [channel]
        return [channel, torch.sigmoid(self.spatial.logits_of_scaled(x, channel))]
