"""Layers in a row, under the names that they have in the blocks for PyTorch."""

from __future__ import annotations

from typing import Any, final

import keras
from keras import ops

from foveate.keras._layers import norm
from foveate.keras._numbers import Tensor

__all__ = ["ConvNormRelu", "Perceptron"]


@final
class ConvNormRelu(keras.layers.Layer):
    """A convolution with BatchNorm and ReLU: ``conv`` and ``bn``.

    Args:
        name: Of the layer.
        conv: The convolution, built.
    """

    def __init__(self, name: str, conv: Any) -> None:
        super().__init__(name=name, dtype=conv.dtype_policy)
        self.conv = conv
        self.bn = norm("bn", conv.filters, dtype=conv.dtype_policy)
        self.built = True

    def call(self, inputs: Tensor) -> Tensor:
        """Return the normalised convolution where it is above 0."""
        return ops.relu(self.bn(self.conv(inputs)))


@final
class Perceptron(keras.layers.Layer):
    """Two layers with a ReLU between them: ``fc1`` and ``fc2``.

    Args:
        name: Of the layer.
        first: A convolution or a dense layer, built.
        second: Another, that reads what ``first`` gives.
    """

    def __init__(self, name: str, first: Any, second: Any) -> None:
        super().__init__(name=name, dtype=first.dtype_policy)
        self.fc1 = first
        self.fc2 = second
        self.built = True

    def call(self, inputs: Tensor) -> Tensor:
        """Return what the second layer makes of the rectified answer of the first."""
        return self.fc2(ops.relu(self.fc1(inputs)))
