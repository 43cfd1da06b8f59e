"""One residual block with a place for attention, as a Keras layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, final, get_args

import keras
from keras import ops

from foveate import _checks
from foveate._networks import AttentionPlace, Place, StrideAt
from foveate.errors import OptionError
from foveate.keras._attending import (
    LayerOrMaker,
    build_on,
    check_named,
    made,
    named,
    usual_place,
)
from foveate.keras._formats import DataFormat, MapFormat
from foveate.keras._numbers import Tensor
from foveate.keras._residual import Residual

__all__ = ["ResidualBlock"]


PLAIN = (
    "filters",
    "stride",
    "bottleneck",
    "pre_activation",
    "attention_place",
    "relu_before_attention",
    "stride_at",
    "seed",
    "data_format",
)
"""Options that are kept as they were given."""


@keras.saving.register_keras_serializable("foveate")
@final
class ResidualBlock(Residual):
    """Add a branch of convolutions, and attention on it, to what came in.

    Its parts, and so the keys of its weights, are those of the residual blocks of
    ``foveate.backbones``: ``conv1``, ``bn1`` and so on, ``downsample`` where the shape
    changes, and ``attention``. Convolutions start from normal numbers by fan-out, and
    attention from its own.

    Args:
        filters: Channels of the 3x3 convolutions. The output has as many, or four times
            as many if it is a bottleneck.
        stride: Of one convolution of the branch, and of the shortcut.
        bottleneck: Whether the 3x3 convolution stands between two of 1x1.
        pre_activation: The second version: BatchNorm and ReLU before each convolution,
            nothing after the addition.
        attention: A block by name, such as ``se`` or ``cbam.keras``; a Keras layer; or
            what makes one from a number of channels.
        attention_options: Options of the block, if it is given by name.
        attention_place: ``branch_end``: the last thing in the branch, before the
            addition. ``after_conv2``: right after the second convolution, before the
            BatchNorm that follows it. ``auto``: where the block's authors put it, which
            is ``after_conv2`` for SimAM and ``branch_end`` for all others.
        relu_before_attention: Put a ReLU between the branch and its attention, an order
            that is widely copied and in no paper. With a gate, which cannot turn a
            sign, the branch can then only increase activations.
        stride_at: Which convolution of a bottleneck has the stride: ``3x3``, or the
            first ``1x1`` as in the paper.
        seed: Of the first weights of the convolutions; None: a new one.
        data_format: ``channels_last`` or ``channels_first``; None: as Keras.
        name: Of the layer.
        dtype: Its dtype policy, also that of all layers within.
        trainable: Whether its variables are trained.

    Shape:
        ``(B, H, W, C)`` to ``(B, H / stride, W / stride, filters)``, rounded up, for
        any C.

    Raises:
        OptionError: A value cannot work, or the block does not fit the channels.
        UnknownNameError: No block is named ``attention``.
        UnknownOptionError: The block has no such option.
        ShapeError: The input is no map, or its channels are not known.

    Example:
        >>> import numpy as np
        >>> block = ResidualBlock(32, stride=2, attention="cbam")
        >>> tuple(block(np.ones((2, 9, 7, 16), "float32")).shape)
        (2, 5, 4, 32)

    Source: He, Zhang, Ren, Sun (2015), https://arxiv.org/abs/1512.03385, figure 5; the
    second version (2016), https://arxiv.org/abs/1603.05027, figure 4 (e).
    """

    def __init__(
        self,
        filters: int,
        *,
        stride: int = 1,
        bottleneck: bool = False,
        pre_activation: bool = False,
        attention: LayerOrMaker | None = None,
        attention_options: Mapping[str, Any] | None = None,
        attention_place: AttentionPlace = "auto",
        relu_before_attention: bool = False,
        stride_at: StrideAt = "3x3",
        seed: int | None = None,
        data_format: DataFormat | None = None,
        name: str | None = None,
        dtype: Any = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(
            filters,
            stride=stride,
            bottleneck=bottleneck,
            pre_activation=pre_activation,
            stride_at=stride_at,
            seed=seed,
            data_format=data_format,
            name=name,
            dtype=dtype,
            trainable=trainable,
        )
        _checks.boolean(self.owner, relu_before_attention=relu_before_attention)
        places = get_args(AttentionPlace)
        _checks.one_of(self.owner, places, attention_place=attention_place)
        self.attention_place = attention_place
        self.relu_before_attention = relu_before_attention
        self._make: Callable[[int], keras.layers.Layer] | None = None
        self.attention = self._given(attention, attention_options)
        if relu_before_attention and attention is None:
            raise OptionError(
                f"{self.owner}: relu_before_attention needs attention, got "
                "attention=None."
            )
        if self.attention is not None:
            self._check_relu()

    def create_attention(self) -> None:
        """Create the variables of the attention, and itself if there is none yet."""
        if self._make is not None:
            self.attention = self._made(self._make)
            self._check_relu()
        if self.attention is not None:
            channels = self.channels_at(self._place)
            build_on(self.name, self.attention, channels, self._order)

    def attended(self, out: Tensor, place: str) -> Tensor:
        """Return ``out``, channels last, after the attention if that stands here."""
        if self.attention is None or place != self._place:
            return out
        if self.relu_before_attention:
            out = ops.relu(out)
        out = self.attention(self._order.ordered(out))
        # a layer that was not made here may have a policy of its own
        out = ops.cast(out, self.compute_dtype)
        return self._order.last(out)

    def get_config(self) -> dict[str, Any]:
        """Return what rebuilds the layer; its attention as the layer that it is."""
        attention = self._make if self.attention is None else self.attention
        return {
            **super().get_config(),
            **{name: getattr(self, name) for name in PLAIN},
            "attention": keras.saving.serialize_keras_object(attention),
        }

    def _given(
        self, attention: Any, options: Mapping[str, Any] | None
    ) -> keras.layers.Layer | None:
        """Return the attention, None where there is none or ``build`` makes it."""
        check_named(self.owner, attention, options)
        if isinstance(attention, str):
            return named(attention, options, self.dtype_policy)
        # that of a saved layer
        if isinstance(attention, dict):
            attention = keras.saving.deserialize_keras_object(attention)
        if attention is None or isinstance(attention, keras.layers.Layer):
            return attention
        if not callable(attention):
            raise OptionError(
                f"{self.owner}: attention must be the name of a block, a Keras layer, "
                "or take channels and return a layer, got "
                f"{attention!r} ({type(attention).__name__})."
            )
        self._make = attention
        return None

    def _made(self, make: Callable[[int], keras.layers.Layer]) -> keras.layers.Layer:
        """Return a new layer, of the channels at its place."""
        wanted = self.attention_place
        place = "branch_end" if wanted == "auto" else wanted
        layer = made(self.name, make, self.channels_at(place))
        if wanted != "auto" or usual_place(layer) == place:
            return layer
        return made(self.name, make, self.channels_at(usual_place(layer)))

    @property
    def _place(self) -> Place:
        """Where the attention stands."""
        if self.attention_place == "auto":
            return usual_place(self.attention)
        return self.attention_place

    @property
    def _order(self) -> MapFormat:
        """The order of axes that the attention works in."""
        return MapFormat(getattr(self.attention, "data_format", self.data_format))

    def _check_relu(self) -> None:
        if self.relu_before_attention and self._place != "branch_end":
            raise OptionError(
                f"{self.owner}: relu_before_attention is for attention at the end of "
                f"the branch, but here it goes {self._place}. "
                "Set attention_place='branch_end'."
            )
