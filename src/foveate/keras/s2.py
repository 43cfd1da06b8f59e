"""S2 attention: shift the channels four ways, then share out three such branches."""

from __future__ import annotations

from typing import final, get_args

from keras import ops

from foveate import _checks
from foveate._options import SplitPool
from foveate.keras._base import Layer
from foveate.keras._layers import conv
from foveate.keras._numbers import PLACES, Tensor, weighted_sum
from foveate.keras._registry import register
from foveate.keras._split import SplitAttention

__all__ = ["S2Attention", "SplitAttention"]

ROWS, COLUMNS = PLACES


@register("s2")
@final
class S2Attention(Layer):
    """Mix each place with its four neighbours by shifts, in three weighted branches.

    It has no residual: in the paper's network the input is added around it, after a
    LayerNorm before it.
    """

    def check(self) -> None:
        """Raise OptionError if ``pool`` is not known."""
        _checks.one_of(self.owner, get_args(SplitPool), pool=self.options.pool)

    def check_channels(self, channels: int) -> None:
        """Raise OptionError unless there is a quarter for each direction."""
        _checks.multiple_of(self.owner, channels, 4, "a quarter for each direction")

    def create_parts(self, channels: int) -> None:
        """Create both projections, and what weighs the branches."""
        own = {"dtype": self.dtype_policy}
        self.expand = conv("expand", channels, 3 * channels, **own)
        self.split = SplitAttention(
            channels,
            pool=self.options.pool,
            data_format="channels_last",
            name="split",
            **own,
        )
        self.split.build(self.split.shapes_for(channels))
        self.project = conv("project", channels, channels, **own)

    def transform(self, x: Tensor) -> Tensor:
        """Return the weighted sum of the branches, projected."""
        maps = self._branches(x)
        return self.project(weighted_sum(maps, self.split.shares_of(maps)))

    def look(self, x: Tensor) -> dict[str, Tensor]:
        """Return the weights as ``branch``."""
        return {"branch": self.split.shares_of(self._branches(x))}

    def _branches(self, x: Tensor) -> list[Tensor]:
        first, second, still = ops.split(self.expand(x), 3, axis=3)
        return [
            _shift_quarters(first, ROWS, COLUMNS),
            _shift_quarters(second, COLUMNS, ROWS),
            still,
        ]


def _shift_quarters(x: Tensor, axis: int, other: int) -> Tensor:
    """Move the first half of channels along one axis, both ways, the second along."""
    quarters = ops.split(x, 4, axis=3)
    moved = [
        _shift(quarters[0], axis, 1),
        _shift(quarters[1], axis, -1),
        _shift(quarters[2], other, 1),
        _shift(quarters[3], other, -1),
    ]
    return ops.concatenate(moved, axis=3)


def _shift(x: Tensor, axis: int, step: int) -> Tensor:
    """Return ``x`` moved by one place; the border it leaves keeps its value."""
    before = (slice(None),) * axis
    if step == 1:
        parts = [x[(*before, slice(0, 1))], x[(*before, slice(0, -1))]]
    else:
        parts = [x[(*before, slice(1, None))], x[(*before, slice(-1, None))]]
    return ops.concatenate(parts, axis=axis)
