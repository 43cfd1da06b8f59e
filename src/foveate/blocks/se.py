"""Squeeze-and-excitation: weigh each channel by a gate computed from its mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from torch import Tensor, nn

from foveate import _checks, ops
from foveate._options import bottleneck_width, no_open_gate
from foveate.blocks._base import Gate
from foveate.blocks._layers import Layer, activation, gate_activation
from foveate.blocks._registry import register

__all__ = ["SqueezeExcite"]


@register("se")
@final
class SqueezeExcite(Gate):
    """Scale each channel by how much the whole image needs it.

    Args:
        channels: Channels of the feature map.
        reduction: The bottleneck is ``channels // reduction`` wide.
        hidden_channels: The bottleneck's width, instead of that.
        min_channels: The bottleneck is never narrower than this.
        bias: Whether the two projections have a bias.
        act_layer: Activation of the bottleneck, by name or class.
        gate_layer: What turns logits into the gate: ``sigmoid`` or ``hard_sigmoid``.

    Shape:
        ``(B, channels, H, W)`` to the same, for any ``H, W >= 1``.

    Raises:
        OptionError: A width is not greater than 0, or a layer has no such name.
        ShapeError: The input is not ``(B, channels, H, W)``.

    Example:
        >>> import torch
        >>> SqueezeExcite(64, reduction=8)(torch.randn(2, 64, 7, 5)).shape
        torch.Size([2, 64, 7, 5])

    Source: Hu, Shen, Sun (2018), https://arxiv.org/abs/1709.01507, equations 2-4.
    """

    def __init__(
        self,
        channels: int,
        *,
        reduction: int = 16,
        hidden_channels: int | None = None,
        min_channels: int = 1,
        bias: bool = False,
        act_layer: Layer = "relu",
        gate_layer: Layer = "sigmoid",
    ) -> None:
        super().__init__()
        width = bottleneck_width(
            "SqueezeExcite",
            channels,
            reduction=reduction,
            hidden_channels=hidden_channels,
            min_channels=min_channels,
        )
        _checks.boolean("SqueezeExcite", bias=bias)
        self.channels = channels
        self.fc1 = nn.Conv2d(channels, width, 1, bias=bias)
        self.act = activation("SqueezeExcite", act_layer)
        self.fc2 = nn.Conv2d(width, channels, 1, bias=bias)
        self.gate_act = gate_activation("SqueezeExcite", gate_layer)

    def gate(self, x: Tensor) -> Tensor:
        """Return ``(B, channels, 1, 1)``."""
        hidden = self.act(ops.project(ops.mean_over_places(x), self.fc1))
        gate: Tensor = self.gate_act(ops.project(hidden, self.fc2))
        return gate

    def transform(self, x: Tensor) -> Tensor:
        """Return ``x`` scaled by the gate."""
        return ops.scale(x, self.gate(x))

    def last_layers(self) -> Sequence[nn.Module]:
        """Return what gives the logits."""
        # any other layer may make something else than one half of 0
        if not isinstance(self.gate_act, nn.Sigmoid | nn.Hardsigmoid):
            option = f"gate_layer={type(self.gate_act).__name__}"
            cure = "start='identity' or gate_layer='sigmoid'"
            raise no_open_gate("SqueezeExcite", option, cure)
        return (self.fc2,)

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        """Return the gate as ``channel``, ``(B, channels, 1, 1)``."""
        self._check_input(x)
        return {"channel": self.gate(x)}
