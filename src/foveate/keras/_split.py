"""Split attention: share out several branches by what their sum holds."""

from __future__ import annotations

from functools import partial
from typing import Any, final, get_args

import keras
from keras import initializers, ops

from foveate import _checks
from foveate._options import SplitPool
from foveate.errors import ShapeError
from foveate.keras._formats import (
    DataFormat,
    Shape,
    check_floating_point,
    format_of,
    unknown_channels,
)
from foveate.keras._layers import freeze_parts
from foveate.keras._numbers import (
    ACTIVATIONS,
    PLACES,
    Tensor,
    at_least_float32,
    mean,
    weighted_sum,
)

__all__ = ["SplitAttention"]

BRANCHES_DIMS = 5


@keras.saving.register_keras_serializable("foveate")
@final
class SplitAttention(keras.layers.Layer):
    """Add up several branches, each channel by weights that add up to 1 over them.

    The weights come from a perceptron that reads the pooled sum of all branches. With
    ``pool="sum"`` its logits grow with the number of places, so they are worked out in
    float32 or better, whatever the dtype policy.

    Args:
        channels: Channels of each branch; None: those of its first input.
        num_splits: How many branches there are.
        pool: ``sum`` over places, as in the paper, or their ``mean``.
        data_format: ``channels_last`` or ``channels_first``; None: Keras' own.
        name: Of the layer.
        dtype: Its dtype policy.
        trainable: Whether its variables are trained.

    Shape:
        ``(B, num_splits, H, W, C)`` to ``(B, H, W, C)``; with ``channels_first``, C
        stands before H.

    Raises:
        OptionError: A number is not greater than 0, or a name is not known.
        ShapeError: The input is not of that shape.

    Example:
        >>> import numpy as np
        >>> tuple(SplitAttention()(np.ones((2, 3, 7, 5, 8), "float32")).shape)
        (2, 7, 5, 8)

    Source: Yu, Li, Cai, Sun, Li (2021), https://arxiv.org/abs/2108.01072.
    """

    built: bool

    def __init__(
        self,
        channels: int | None = None,
        *,
        num_splits: int = 3,
        pool: SplitPool = "sum",
        data_format: DataFormat | None = None,
        name: str | None = None,
        dtype: Any = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(name=name, dtype=dtype, trainable=trainable)
        owner = "SplitAttention"
        _checks.positive_or_none(owner, channels=channels)
        _checks.positive(owner, num_splits=num_splits)
        _checks.one_of(owner, get_args(SplitPool), pool=pool)
        self.format = format_of(owner, data_format)
        self.channels = channels
        self.num_splits = num_splits
        self.pool = pool
        self.data_format = self.format.data_format

    def shapes_for(self, channels: int) -> Shape:
        """Return the shape of its input, of any sides."""
        first, *sides = self.format.shape(None, None, None, channels)
        return first, self.num_splits, *sides

    def build(self, input_shape: Shape) -> None:
        """Create both projections.

        Raises:
            ShapeError: The shape is not that of the branches.
        """
        if self.built:
            return
        self._check(input_shape)
        channels = input_shape[self._channel_axis]
        if channels is None:
            raise unknown_channels("SplitAttention", input_shape)
        self.built_channels = channels
        width = self.num_splits * channels
        self.fc1 = _Projection("fc1", channels, channels, dtype=self.dtype_policy)
        self.fc2 = _Projection("fc2", channels, width, dtype=self.dtype_policy)
        freeze_parts(self)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the weighted sum of the branches."""
        maps = self._unstacked(inputs)
        return self.format.ordered(weighted_sum(maps, self.shares_of(maps)))

    def shares(self, branches: Any) -> Tensor:
        """Return the weights, ``(B, num_splits, 1, 1, C)``, or C before sides of 1."""
        branches = ops.convert_to_tensor(branches, dtype=self.compute_dtype)
        if not self.built:
            self.build(tuple(branches.shape))
        return self.format.ordered(self.shares_of(self._unstacked(branches)))

    def shares_of(self, maps: list[Tensor]) -> Tensor:
        """Return the weights, ``(B, K, 1, 1, C)``, of K maps with channels last."""
        pool = partial(ops.sum, keepdims=True) if self.pool == "sum" else mean
        pooled = [pool(at_least_float32(x), axis=PLACES) for x in maps]
        hidden = self.fc1(sum(pooled[1:], start=pooled[0]))
        logits = self.fc2(ACTIVATIONS["gelu"](hidden))
        shape = (-1, self.num_splits, 1, 1, maps[0].shape[3])
        shares = ops.softmax(ops.reshape(logits, shape), axis=1)
        return ops.cast(shares, maps[0].dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of one branch."""
        return input_shape[0], *input_shape[2:]

    def get_config(self) -> dict[str, Any]:
        """Return what rebuilds the layer."""
        return {
            **super().get_config(),
            "channels": self.channels,
            "num_splits": self.num_splits,
            "pool": self.pool,
            "data_format": self.data_format,
        }

    @property
    def _channel_axis(self) -> int:
        return 1 + self.format.channel_axis

    def _unstacked(self, branches: Tensor) -> list[Tensor]:
        """Return the branches as a list of maps with channels last."""
        self._check(tuple(branches.shape))
        check_floating_point("SplitAttention", branches)
        maps = (branches[:, number] for number in range(self.num_splits))
        return [self.format.last(x) for x in maps]

    def _check(self, shape: Shape) -> None:
        channels = self.built_channels if self.built else self.channels
        fits = len(shape) == BRANCHES_DIMS and shape[1] == self.num_splits
        if fits and channels in (None, shape[self._channel_axis]):
            return
        wanted = "C" if channels is None else channels
        raise ShapeError(
            f"SplitAttention: expects (B, {self.num_splits}, "
            f"{self.format.named(wanted)}), got {tuple(shape)}. To join maps: "
            "keras.ops.stack(maps, axis=1)."
        )


@final
class _Projection(keras.layers.Conv2D):
    """A 1x1 convolution of ``(B, 1, 1, C)``, in the type of that."""

    def __init__(
        self, name: str, in_channels: int, filters: int, *, dtype: Any
    ) -> None:
        super().__init__(
            filters,
            1,
            use_bias=False,
            data_format="channels_last",
            # torch's first weights
            kernel_initializer=initializers.VarianceScaling(1 / 3, "fan_in", "uniform"),
            # neither the input nor the kernel is brought to half precision
            autocast=False,
            dtype=dtype,
            name=name,
        )
        self.build((None, None, None, in_channels))

    def call(self, inputs: Tensor) -> Tensor:
        """Return the projection of each image."""
        kernel = ops.cast(self.kernel[0, 0], inputs.dtype)
        # ops.matmul would bring float64 to float32 on the torch backend
        return ops.einsum("bhwc,cf->bhwf", inputs, kernel)
