"""Keras' own layers with torch's padding, first weights and small constants.

What torch and Keras do otherwise by default, and what is done about it: zeros around a
strided map (torch puts as many on each side), the eps of a normalisation (1e-5 against
1e-3), how fast running statistics follow (0.1 against 0.01 a batch), whether a running
variance is unbiased (yes against no), and the first weights of a layer.
"""

from __future__ import annotations

import math
from typing import Any, final

import keras
from keras import initializers, layers, ops

from foveate.keras._numbers import Tensor, at_least_float32, mean

__all__ = [
    "BatchNorm",
    "Conv",
    "DepthwiseConv",
    "conv",
    "conv1d",
    "depthwise_conv",
    "freeze_parts",
    "linear",
    "norm",
    "transposed_conv",
]

EPS = 1e-5


@final
class Conv(layers.Conv2D):
    """A convolution with ``pad`` zeros on each of the four sides.

    Keras has no stride in a dilated convolution. What divides both is the step of the
    places that it reads, ``read``; what is left of the stride is that of the places of
    its answer, ``keep``.
    """

    pad: int = 0
    read: int = 1
    keep: int = 1

    def call(self, inputs: Tensor) -> Tensor:
        """Return the convolution of the padded map."""
        y = super().call(_padded(_every(self.read, inputs), self.pad))
        return _every(self.keep, y)

    def convolution_op(self, inputs: Tensor, kernel: Tensor) -> Tensor:
        """Return the convolution by a kernel; those of one filter get another stride.

        By its strides PyTorch takes such a kernel for one of channels last, and then
        refuses its gradient in float64 and float16 on a CPU.
        """
        if self.filters == 1:
            one = ops.reshape(kernel, (1, *kernel.shape[:3]))
            kernel = ops.transpose(one, (1, 2, 3, 0))
        return super().convolution_op(inputs, kernel)


@final
class DepthwiseConv(layers.DepthwiseConv2D):
    """A depth-wise convolution with ``pad`` zeros on each of the four sides."""

    pad: int = 0

    def call(self, inputs: Tensor) -> Tensor:
        """Return the convolution of the padded map."""
        return super().call(_padded(inputs, self.pad))


@keras.saving.register_keras_serializable("foveate")
@final
class Linear(layers.Dense):
    """A dense layer that keeps float64, which Keras' own rounds on PyTorch."""

    def call(self, inputs: Tensor) -> Tensor:
        """Return the products of each row with the kernel, and the bias."""
        y = ops.einsum("...i,io->...o", inputs, self.kernel)
        return y if self.bias is None else y + self.bias


def _every(step: int, x: Tensor) -> Tensor:
    return x if step == 1 else x[:, ::step, ::step]


def _padded(x: Tensor, pad: int) -> Tensor:
    if not pad:
        return x
    return ops.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))


@keras.saving.register_keras_serializable("foveate")
@final
class BatchNorm(layers.BatchNormalization):
    """BatchNorm whose numbers are torch's, also in training.

    Variances are of centred values, which loses nothing where a mean is large, and the
    running variance is unbiased, so that a network trained here evaluates as one
    trained there. Where torch refuses to train on a single value a channel, its
    deviation is 0. Float64 stays float64 on every backend.
    """

    def call(
        self,
        inputs: Tensor,
        training: bool | None = None,  # noqa: FBT001
        mask: Tensor | None = None,  # noqa: ARG002
    ) -> Tensor:
        """Return ``inputs`` normalised by the batch, or by what was learned."""
        x = at_least_float32(inputs)
        axis = self.axis % len(x.shape)
        shape = [1] * len(x.shape)
        shape[axis] = -1
        if training and self.trainable:
            centre, variance = self._of_batch(x, axis)
        else:
            centre = ops.reshape(ops.cast(self.moving_mean, x.dtype), shape)
            variance = ops.reshape(ops.cast(self.moving_variance, x.dtype), shape)
        slope = ops.rsqrt(variance + self.epsilon)
        slope = slope * ops.reshape(ops.cast(self.gamma, x.dtype), shape)
        beta = ops.reshape(ops.cast(self.beta, x.dtype), shape)
        return ops.cast((x - centre) * slope + beta, self.compute_dtype)

    def _of_batch(self, x: Tensor, axis: int) -> tuple[Tensor, Tensor]:
        """Return mean and variance of the batch; what was learned follows them."""
        others = tuple(place for place in range(len(x.shape)) if place != axis)
        centre = mean(x, others)
        variance = mean(ops.square(x - centre), others)
        count = ops.size(x) // x.shape[axis]
        # whole numbers: on some backends a maximum rounds float64 to float32
        others_of_one = ops.cast(ops.maximum(count - 1, 1), x.dtype)
        self._follow(self.moving_mean, centre)
        unbiased = variance * (ops.cast(count, x.dtype) / others_of_one)
        self._follow(self.moving_variance, unbiased)
        return centre, variance

    def _follow(self, running: Any, batch: Tensor) -> None:
        batch = ops.cast(ops.reshape(batch, (-1,)), running.dtype)
        old = running.value
        running.assign(old * self.momentum + batch * (1 - self.momentum))


def freeze_parts(layer: layers.Layer) -> None:
    """Freeze the parts that a layer has just created, if it is frozen itself.

    Keras freezes only parts that exist: a later BatchNorm would follow its batches.
    """
    if not layer.trainable:
        # TensorFlow takes no notice of a value that an attribute has already
        layer.trainable = True
        layer.trainable = False


def conv(
    name: str,
    in_channels: int,
    filters: int,
    kernel_size: int = 1,
    *,
    dtype: Any,
    stride: int = 1,
    dilation: int = 1,
    groups: int = 1,
    bias: bool = True,
    kernel_initializer: Any = None,
    bias_initializer: Any = None,
) -> Conv:
    """Return a convolution that keeps the size of a map if ``stride`` is 1.

    Its first weights are those of torch's convolutions, unless given.
    """
    fan_in = kernel_size**2 * in_channels // groups
    read = math.gcd(stride, dilation)
    stride, dilation = stride // read, dilation // read
    keep = stride if dilation > 1 else 1
    layer = Conv(
        filters,
        kernel_size,
        strides=stride // keep,
        dilation_rate=dilation,
        groups=groups,
        use_bias=bias,
        data_format="channels_last",
        kernel_initializer=kernel_initializer or _uniform(fan_in),
        bias_initializer=bias_initializer or _uniform(fan_in),
        dtype=dtype,
        name=name,
    )
    layer.pad = dilation * (kernel_size - 1) // 2
    layer.read, layer.keep = read, keep
    layer.build((None, None, None, in_channels))
    return layer


def depthwise_conv(
    name: str,
    channels: int,
    kernel_size: int,
    *,
    dtype: Any,
    stride: int = 1,
    bias: bool = True,
) -> DepthwiseConv:
    """Return a convolution of each channel by itself, as ``conv`` otherwise."""
    layer = DepthwiseConv(
        kernel_size,
        strides=stride,
        use_bias=bias,
        data_format="channels_last",
        depthwise_initializer=_uniform(kernel_size**2),
        bias_initializer=_uniform(kernel_size**2),
        dtype=dtype,
        name=name,
    )
    layer.pad = kernel_size // 2
    layer.build((None, None, None, channels))
    return layer


def transposed_conv(name: str, channels: int, *, dtype: Any) -> layers.Layer:
    """Return a transposed 2x2 convolution that doubles both sides of a map."""
    layer = layers.Conv2DTranspose(
        channels,
        2,
        strides=2,
        data_format="channels_last",
        kernel_initializer=_uniform(4 * channels),
        bias_initializer=_uniform(4 * channels),
        dtype=dtype,
        name=name,
    )
    layer.build((None, None, None, channels))
    return layer


def conv1d(name: str, kernel_size: int, *, dtype: Any) -> layers.Layer:
    """Return a convolution along one row of values, ``(B, N, 1)``, without bias."""
    layer = layers.Conv1D(
        1,
        kernel_size,
        padding="same",
        use_bias=False,
        data_format="channels_last",
        kernel_initializer=_uniform(kernel_size),
        dtype=dtype,
        name=name,
    )
    layer.build((None, None, 1))
    return layer


def linear(
    name: str, in_features: int, units: int, *, dtype: Any, bias: bool = True
) -> layers.Layer:
    """Return a dense layer with torch's first weights."""
    layer = Linear(
        units,
        use_bias=bias,
        kernel_initializer=_uniform(in_features),
        bias_initializer=_uniform(in_features),
        dtype=dtype,
        name=name,
    )
    layer.build((None, in_features))
    return layer


def norm(
    name: str,
    features: int,
    *,
    dtype: Any,
    momentum: float = 0.1,
    gamma_initializer: str = "ones",
    shape: tuple[int | None, ...] | None = None,
) -> BatchNorm:
    """Return a BatchNorm.

    Args:
        name: Of the layer.
        features: How many scales it has.
        dtype: Its dtype policy.
        momentum: By how much running statistics move towards those of a batch, as in
            torch; Keras calls what is left of 1 momentum.
        gamma_initializer: The first scales.
        shape: Of its input, if the features do not stand last; theirs is the one axis
            whose size is known.
    """
    shape = shape or (None, None, None, features)
    layer = BatchNorm(
        axis=shape.index(features),
        momentum=1 - momentum,
        epsilon=EPS,
        gamma_initializer=gamma_initializer,
        dtype=dtype,
        name=name,
    )
    layer.build(shape)
    return layer


def _uniform(fan_in: int) -> keras.Initializer:
    """Return what draws torch's first weights of a layer that reads so many values."""
    bound = 1 / math.sqrt(fan_in)
    return initializers.RandomUniform(-bound, bound)
