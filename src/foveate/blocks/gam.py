"""GAM: weigh every value by the channels at its place, then by its surroundings."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Literal, final

import torch
from torch import Tensor, nn

from foveate import _checks, ops
from foveate._options import no_open_gate
from foveate.blocks._base import Gate
from foveate.blocks._layers import perceptron
from foveate.blocks._registry import register

__all__ = ["GAM"]


@register("gam")
@final
class GAM(Gate):
    """Scale each value by a perceptron over channels, then by two large convolutions.

    Nothing is pooled, so both gates have one value for each of the input.

    Args:
        channels: Channels of the feature map, a multiple of ``reduction * groups``.
        reduction: Both bottlenecks are ``channels // reduction`` wide.
        groups: Groups of both convolutions. With more than one, the channels of the
            spatial gate are shuffled in as many.
        kernel_size: Side of both convolutions, odd.
        channel_gate: ``sigmoid``, or None to multiply by the bare answers of the
            perceptron, as widely copied code does: they have no bounds and can turn
            signs.

    Shape:
        ``(B, channels, H, W)`` to the same, for any ``H, W >= 1``. A batch in training
        needs more than one place: torch raises ValueError.

    Raises:
        OptionError: ``channels`` is not a multiple of ``reduction * groups``,
            ``kernel_size`` is even, or ``channel_gate`` is not known.
        ShapeError: The input is not ``(B, channels, H, W)``.

    Example:
        >>> block = GAM(64)
        >>> sorted(block.maps(torch.randn(2, 64, 7, 5)))
        ['channel_full', 'spatial_full']

    Source: Liu, Shao, Hoffmann (2021), https://arxiv.org/abs/2112.05561, section 3.
    """

    def __init__(
        self,
        channels: int,
        *,
        reduction: int = 4,
        groups: int = 1,
        kernel_size: int = 7,
        channel_gate: Literal["sigmoid"] | None = "sigmoid",
    ) -> None:
        super().__init__()
        _checks.positive("GAM", channels=channels, reduction=reduction, groups=groups)
        _checks.odd("GAM", kernel_size=kernel_size)
        _checks.multiple_of(
            "GAM",
            channels,
            reduction * groups,
            f"reduction * groups, with reduction={reduction} and groups={groups}",
        )
        if channel_gate is not None:
            _checks.one_of("GAM", ["sigmoid"], channel_gate=channel_gate)
        self.channels: int = channels
        self.groups = groups
        self.channel_gate = channel_gate
        width = channels // reduction
        self.channel = perceptron(
            nn.Conv2d(channels, width, 1), nn.Conv2d(width, channels, 1)
        )
        self.spatial = _two_convolutions(channels, width, groups, kernel_size)

    def transform(self, x: Tensor) -> Tensor:
        """Return ``x`` scaled by the channel half, then by the spatial half."""
        scaled = ops.scale(x, self._by_channels(x))
        return ops.scale(scaled, self._by_places(scaled))

    def gate(self, x: Tensor) -> Tensor:
        """Return the product of both gates, ``(B, channels, H, W)``."""
        maps = self.maps(x)
        return maps["channel_full"] * maps["spatial_full"]

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        """Return ``channel_full`` and ``spatial_full``, ``(B, channels, H, W)``."""
        self._check_input(x)
        channel = self._by_channels(x)
        spatial = self._by_places(ops.scale(x, channel))
        return {"channel_full": channel, "spatial_full": spatial}

    def last_layers(self) -> Sequence[nn.Module]:
        """Return the last layer of the channel half and of the spatial half."""
        if self.channel_gate is None:
            cure = "start='identity' or channel_gate='sigmoid'"
            raise no_open_gate("GAM", "channel_gate=None", cure)
        return self.channel[-1], self.spatial[-1]

    def extra_repr(self) -> str:
        """Show the options that rebuild this block and its layers do not show."""
        return (
            f"{self.channels}, groups={self.groups}, channel_gate={self.channel_gate!r}"
        )

    def _by_channels(self, x: Tensor) -> Tensor:
        answers: Tensor = self.channel(x)
        return answers if self.channel_gate is None else torch.sigmoid(answers)

    def _by_places(self, x: Tensor) -> Tensor:
        gate = torch.sigmoid(self.spatial(x))
        if self.groups == 1:
            return gate
        return ops.in_layout_of(ops.channel_shuffle(gate, self.groups), x)


def _two_convolutions(
    channels: int, width: int, groups: int, kernel_size: int
) -> nn.Sequential:
    padding = kernel_size // 2
    layers = {
        "conv1": nn.Conv2d(
            channels, width, kernel_size, padding=padding, groups=groups
        ),
        "bn1": nn.BatchNorm2d(width),
        "act": nn.ReLU(),
        "conv2": nn.Conv2d(
            width, channels, kernel_size, padding=padding, groups=groups
        ),
        "bn2": nn.BatchNorm2d(channels),
    }
    return nn.Sequential(OrderedDict(layers))
