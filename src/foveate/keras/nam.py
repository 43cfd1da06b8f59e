"""NAM: weigh channels, and places, by the scales of their own BatchNorm."""

from __future__ import annotations

from functools import reduce
from math import prod
from typing import final

import keras
from keras import ops

from foveate import _checks
from foveate.errors import OptionError, WeightsError
from foveate.keras._base import Gate
from foveate.keras._layers import BatchNorm, norm
from foveate.keras._numbers import Tensor, at_least_float32
from foveate.keras._registry import register

__all__ = ["NAM", "nam_penalty"]


@register("nam")
@final
class NAM(Gate):
    """Scale each value by its normalised self, times how much its channel counts.

    Equations 2 and 3. A channel counts by its share in the scales of the BatchNorm. Add
    ``1e-4 * nam_penalty(model)`` to the loss to drive the others to 0, as the authors
    do.
    """

    def check(self) -> None:
        """Raise OptionError if ``spatial_size`` is not ``(H, W)`` or None."""
        size = self.options.spatial_size
        self.spatial_size = _checks.size_or_none(self.owner, spatial_size=size)

    def create_parts(self, channels: int) -> None:
        """Create the BatchNorm of channels, and that of places if there is one."""
        own = {"dtype": self.dtype_policy}
        self.channel_bn = norm("channel_bn", channels, **own)
        self.spatial_bn = None
        if self.spatial_size is not None:
            places = prod(self.spatial_size)
            shape = (None, places, None)
            self.spatial_bn = norm("spatial_bn", places, shape=shape, **own)

    def look(self, x: Tensor) -> dict[str, Tensor]:
        """Return ``channel_full`` and ``spatial_full``, ``(B, H, W, C)``."""
        channel = self._gate(self.channel_bn, x)
        if self.spatial_bn is None or self.spatial_size is None:
            return {"channel_full": channel}
        scaled = x * channel
        # each place has a scale, row by row
        batch, channels = ops.shape(x)[0], x.shape[3]
        rows = ops.reshape(scaled, (batch, prod(self.spatial_size), channels))
        spatial = self._gate(self.spatial_bn, rows)
        spatial = ops.reshape(spatial, (batch, *self.spatial_size, channels))
        return {"channel_full": channel, "spatial_full": spatial}

    def _gate(self, layer: BatchNorm, x: Tensor) -> Tensor:
        """Return the sigmoid of normalised values, times the shares of their scales."""
        normal = layer(x)
        size = ops.abs(at_least_float32(layer.gamma))
        total = ops.sum(size)
        # 0 if all are 0, and so is the gradient
        share = size / ops.where(total > 0, total, ops.ones_like(total))
        share = ops.stop_gradient(share) if self.options.detach else share
        axes = [1] * len(normal.shape)
        axes[layer.axis] = -1
        return ops.sigmoid(ops.cast(ops.reshape(share, axes), normal.dtype) * normal)


def nam_penalty(model: keras.layers.Layer) -> Tensor:
    """Return the sum of the sizes of the channel scales of all NAM layers.

    Read it anew in each step, where a gradient is taken: in a loss, as below, or in the
    ``call`` of a model of your own, ``self.add_loss(1e-4 * nam_penalty(self))``.

    Args:
        model: A model, or one layer. Without a NAM layer in it, or in a layer or model
            within, the penalty is 0.

    Returns:
        A tensor of no axes, to be multiplied by, say, 1e-4 and added to the loss.

    Raises:
        OptionError: ``model`` is no Keras layer.
        WeightsError: A NAM layer has no scales yet.

    Example:
        >>> model = keras.Sequential([keras.Input((7, 5, 8)), NAM(), NAM()])
        >>> ops.convert_to_numpy(nam_penalty(model)).item()  # every scale starts at 1
        16.0
        >>> def loss(truth, answer):
        ...     error = keras.losses.mean_squared_error(truth, answer)
        ...     return ops.mean(error) + 1e-4 * nam_penalty(model)
        >>> model.compile("sgd", loss)

    Source: Liu, Shao, Teng, Hoffmann (2021), https://arxiv.org/abs/2111.12419,
    equation 4.
    """
    if not isinstance(model, keras.layers.Layer):
        raise OptionError(
            "nam_penalty: model must be a Keras model or layer, got "
            f"{type(model).__name__}."
        )
    # the public list of a model's layers leaves out those within layers
    layers = model._flatten_layers()  # noqa: SLF001
    sizes = [_size(layer) for layer in layers if isinstance(layer, NAM)]
    return reduce(ops.add, sizes) if sizes else ops.zeros(())


def _size(layer: NAM) -> Tensor:
    if not layer.built:
        raise WeightsError(
            f"nam_penalty: {layer.name} has no weights yet. Call the model on a map "
            "first."
        )
    return ops.sum(ops.abs(at_least_float32(layer.channel_bn.gamma)))
