"""SimAM: weigh each value by how far it stands out in its channel."""

from __future__ import annotations

from typing import final

from keras import ops

from foveate import _checks
from foveate.keras._base import Gate
from foveate.keras._numbers import PLACES, Tensor, at_least_float32, mean_over_places
from foveate.keras._registry import register

__all__ = ["SimAM"]


@register("simam")
@final
class SimAM(Gate):
    """Scale each value by a gate that grows with its distance from the channel's mean.

    Equations 5 and 6, with the variance over ``H * W - 1`` as in the authors' code. It
    has no weights. Half-precision maps are summed in float32.
    """

    residual_place = "after_conv2"

    def check(self) -> None:
        """Raise OptionError if ``e_lambda`` is not greater than 0."""
        _checks.number(self.owner, above=0, e_lambda=self.options.e_lambda)

    def create_parts(self, channels: int) -> None:
        """Create nothing."""

    def look(self, x: Tensor) -> dict[str, Tensor]:
        """Return the gate as ``full``."""
        return {"full": ops.cast(ops.sigmoid(self.logits(x)), x.dtype)}

    def logits(self, x: Tensor) -> Tensor:
        """Return the inverse energy, ``(B, H, W, C)``, at least one half.

        It is in float32 or better.
        """
        wide = at_least_float32(x)
        squares = ops.square(wide - mean_over_places(wide))
        height, width = ops.shape(x)[1], ops.shape(x)[2]
        others = ops.cast(ops.maximum(height * width - 1, 1), wide.dtype)
        variance = ops.sum(squares, axis=PLACES, keepdims=True) / others
        return squares / (4 * (variance + self.options.e_lambda)) + 0.5
