"""SimAM: weigh each value by how far it stands out in its channel."""

from __future__ import annotations

from typing import final

from torch import Tensor

from foveate import _checks, ops
from foveate.blocks._base import Gate
from foveate.blocks._registry import register

__all__ = ["SimAM"]


@register("simam")
@final
class SimAM(Gate):
    """Scale each value by a gate that grows with its distance from the channel's mean.

    It has no parameters. Half-precision inputs are summed in float32.

    Args:
        channels: Channels of the feature map; None takes any.
        e_lambda: Is added to the variance, greater than 0.

    Shape:
        ``(B, channels, H, W)`` to the same, for any ``H, W >= 1``.

    Raises:
        OptionError: ``e_lambda`` is not greater than 0.
        ShapeError: The input is not ``(B, channels, H, W)``.

    Example:
        >>> import torch
        >>> SimAM()(torch.tensor([[[[0.0, 1.0], [2.0, 3.0]]]])).flatten()
        tensor([0.0000, 0.6312, 1.2625, 2.0938])

    Source: Yang, Zhang, Li, Xie (2021), https://proceedings.mlr.press/v139/yang21o.html,
    equations 5 and 6, with the variance over ``H * W - 1`` as in the authors' code.
    """

    residual_place = "after_conv2"

    def __init__(self, channels: int | None = None, *, e_lambda: float = 1e-4) -> None:
        super().__init__()
        _checks.positive_or_none("SimAM", channels=channels)
        _checks.number("SimAM", above=0, e_lambda=e_lambda)
        self.channels = channels
        self.e_lambda = e_lambda

    def transform(self, x: Tensor) -> Tensor:
        """Return ``x`` scaled by the gate."""
        return ops.simam(x, self.e_lambda)

    def gate(self, x: Tensor) -> Tensor:
        """Return the gate, ``(B, channels, H, W)``."""
        self._check_input(x)
        return self.logits(x).sigmoid()

    def logits(self, x: Tensor) -> Tensor:
        """Return the inverse energy, ``(B, channels, H, W)``, at least one half."""
        return ops.inverse_energy(x, self.e_lambda)

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        """Return the gate as ``full``, ``(B, channels, H, W)``."""
        return {"full": self.gate(x)}

    def extra_repr(self) -> str:
        """Show the options that rebuild this block."""
        return f"{self.channels}, e_lambda={self.e_lambda}"
