"""The layers of a network before its first residual block."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, final

import keras
from keras import layers, ops

from foveate import _checks
from foveate._networks import STEMS, StemName
from foveate.keras._formats import DataFormat, format_of
from foveate.keras._layers import norm
from foveate.keras._numbers import Tensor
from foveate.keras._residual import fan_out_normal

__all__ = ["StemPool", "images_of", "stem_of"]


@keras.saving.register_keras_serializable("foveate")
@final
class StemPool(layers.Layer):
    """Halve a map by the maximum of 3x3 places, with nothing around it."""

    def call(self, inputs: Tensor) -> Tensor:
        """Return maxima: of each place in an odd row and column, and around it."""
        around = ((0, 0), (1, 1), (1, 1), (0, 0))
        # zeros would beat what a stem without ReLU gives
        padded = ops.pad(inputs, around, constant_values=-math.inf)
        return ops.max_pool(padded, 3, 2, data_format="channels_last")

    def get_config(self) -> dict[str, Any]:
        """Return what rebuilds the layer."""
        config: dict[str, Any] = super().get_config()
        return config


def images_of(
    owner: str,
    channels: int,
    spatial_size: Sequence[int] | None,
    data_format: DataFormat | None,
    policy: Any,
) -> tuple[Tensor, Tensor]:
    """Return the input of the network, and its images with channels last."""
    order = format_of(owner, data_format)
    sides = _checks.size_or_none(owner, spatial_size=spatial_size) or (None, None)
    kind = policy.variable_dtype
    if order.data_format == "channels_last":
        images = keras.Input((*sides, channels), dtype=kind, name="images")
        return images, images
    images = keras.Input((channels, *sides), dtype=kind, name="images")
    return images, layers.Permute((2, 3, 1), name="channels_last", dtype=policy)(images)


def stem_of(
    x: Tensor, name: StemName, width: int, seed: int, policy: Any, *, plain: bool
) -> Tensor:
    """Return the answer of the stem; a plain one has neither BatchNorm nor ReLU."""
    stem = STEMS[name]
    own = {"dtype": policy, "data_format": "channels_last"}
    x = layers.ZeroPadding2D(stem.kernel_size // 2, name="conv1_pad", **own)(x)
    x = layers.Conv2D(
        width,
        stem.kernel_size,
        strides=stem.stride,
        use_bias=False,
        kernel_initializer=fan_out_normal(seed),
        name="conv1",
        **own,
    )(x)
    if not plain:
        x = norm("bn1", width, dtype=policy)(x)
        x = layers.ReLU(name="relu", dtype=policy)(x)
    return StemPool(name="maxpool", dtype=policy)(x) if stem.pool else x
