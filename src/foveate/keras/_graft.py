"""A block at the place of a Keras model where it was put."""

from __future__ import annotations

from typing import Any, final

import keras
import numpy as np
from keras import ops

from foveate.errors import OptionError, ShapeError
from foveate.keras._base import Layer
from foveate.keras._formats import DataFormat, MapFormat, Shape
from foveate.keras._numbers import Tensor
from foveate.records import Start

__all__ = ["Graft"]


@keras.saving.register_keras_serializable("foveate")
@final
class Graft(keras.layers.Layer):
    """What ``graft`` puts after a layer: a block, and how it starts.

    With ``identity`` it is ``x + amount * (block(x) - x)``, with an amount for each
    channel that begins at 0, where the output is ``x`` to the last bit; at 1 it is the
    block. With ``gate`` the last layers of the block begin at zero, so that each of its
    sigmoids is one half, and a power of two makes up for them. With ``paper`` it is the
    block.

    Args:
        block: The layer. It returns the shape that it gets.
        block_name: What the catalogue calls it.
        start: ``identity``, ``gate`` or ``paper``.
        site: The name of the layer after which it stands.
        map: Which of the maps of that layer it has, counted from 0.
        data_format: Where channels stand.
        name: Of this layer.
        dtype: Its dtype policy; that of the block is its own.
        trainable: Whether its variables are trained.

    Source: the residual scale that begins at zero of Bachlechner et al. (2020),
    https://arxiv.org/abs/2003.04887, equation 1, here for each channel and of the
    difference, so that the block's own output can be reached.
    """

    built: bool

    def __init__(
        self,
        block: keras.layers.Layer,
        *,
        block_name: str,
        start: Start,
        site: str,
        map: int = 0,  # noqa: A002 - as in records.GraftedBlock
        data_format: DataFormat = "channels_last",
        name: str | None = None,
        dtype: Any = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(name=name, dtype=dtype, trainable=trainable)
        self.block = block
        self.block_name = block_name
        self.start = start
        self.site = site
        self.map = map
        self.data_format = data_format
        self.format = MapFormat(data_format)
        self.amount: Any = None
        self.factor = 1

    def build(self, input_shape: Shape) -> None:
        """Create the variables of the block, and the amounts of a blend.

        Raises:
            OptionError: The block does not fit the channels, or cannot start so.
            ShapeError: It would return another shape.
        """
        # a saved layer is built again when it is loaded
        if self.built:
            return
        if not self.block.built:
            self.block.build(input_shape)
        x = keras.KerasTensor(input_shape, dtype=self.compute_dtype)
        outputs = keras.tree.flatten(self.block.compute_output_spec(x))
        returned = ", ".join(str(y.shape) for y in outputs)
        if returned != str(tuple(input_shape)):
            raise ShapeError(
                f"{self.block_name} must return the shape that it gets, "
                f"{tuple(input_shape)}, and returns {returned}."
            )
        if self.start == "gate":
            self.factor = self._open_gate()
        # within a blend of 0 a scale of 0 would never learn
        elif self.start == "identity" and not self._starts_as_identity():
            channels = input_shape[self.format.channel_axis]
            self.amount = self.add_weight(
                name="amount", shape=(channels,), initializer="zeros"
            )
        self.built = True

    def call(self, inputs: Tensor) -> Tensor:
        """Return a map of the shape and type of ``inputs``."""
        y = self.block(inputs)
        if self.amount is None:
            return y * self.factor
        share = ops.cast(self.amount, inputs.dtype)
        share = self.format.ordered(ops.reshape(share, (1, 1, 1, -1)))
        return inputs + share * (ops.cast(y, inputs.dtype) - inputs)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the output: that of the input."""
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        """Return what rebuilds it, the block included."""
        return {
            **super().get_config(),
            "block": keras.saving.serialize_keras_object(self.block),
            "block_name": self.block_name,
            "start": self.start,
            "site": self.site,
            "map": self.map,
            "data_format": self.data_format,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Graft:
        """Return the layer that a config describes."""
        block = keras.saving.deserialize_keras_object(config["block"])
        return cls(**{**config, "block": block})

    def _starts_as_identity(self) -> bool:
        return isinstance(self.block, Layer) and self.block.starts_as_identity

    def _open_gate(self) -> int:
        """Set the last layers of the block to zero; return 2 for each of its gates."""
        if not isinstance(self.block, Layer):
            raise OptionError(
                f"{self.block_name} cannot start as 'gate': only blocks of the "
                "catalogue have gates to open. Use start='identity' or 'paper'."
            )
        layers = self.block.last_layers()
        for layer in layers:
            for variable in layer.trainable_variables:
                variable.assign(np.zeros(variable.shape))
        factor: int = 2 ** len(layers)
        return factor
