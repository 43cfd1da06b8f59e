"""OSRA: let each place look at a reduced map of overlapping patches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import keras
from keras import ops

from foveate import _checks
from foveate.errors import ShapeError
from foveate.keras._layers import conv, depthwise_conv, norm
from foveate.keras._numbers import ACTIVATIONS, Tensor, at_least_float32, named
from foveate.keras._pairwise import Pairwise
from foveate.keras._registry import register
from foveate.keras._resizing import resize_bicubic

__all__ = ["OSRA"]

ENCODING_DIMS = 4


@register("osra")
@final
class OSRA(Pairwise):
    """Replace each place by a weighted mean over a reduced map.

    Two depth-wise convolutions of stride ``sr_ratio`` reduce the map, and a third adds
    each place's neighbours; keys and values come from the result. There is no output
    projection and no shortcut: the block belongs in a branch. Memory grows with
    ``num_heads * (H * W)^2 / sr_ratio^2``.
    """

    def check(self) -> None:
        """Raise OptionError if a number is out of its range or a name not known."""
        chosen = self.options
        _checks.positive(
            self.owner, num_heads=chosen.num_heads, sr_ratio=chosen.sr_ratio
        )
        _checks.finite_or_none(self.owner, qk_scale=chosen.qk_scale)
        _checks.share(self.owner, attn_drop=chosen.attn_drop)
        self.act = named(self.owner, ACTIVATIONS, act_layer=chosen.act_layer)

    def check_channels(self, channels: int) -> None:
        """Raise OptionError unless the heads share out the channels evenly."""
        _checks.multiple_of(self.owner, channels, self.options.num_heads, "num_heads")

    def create_parts(self, channels: int) -> None:
        """Create the reduction, the projections, and what drops weights."""
        chosen = self.options
        own = {"dtype": self.dtype_policy}
        self.head_channels = channels // chosen.num_heads
        # 0 is a scale too
        self.scale = (
            self.head_channels**-0.5 if chosen.qk_scale is None else chosen.qk_scale
        )
        self.q = conv("q", channels, channels, **own)
        self.sr = (
            None
            if chosen.sr_ratio == 1
            else _Reduction(channels, chosen.sr_ratio, self.act, **own)
        )
        self.local_conv = depthwise_conv("local_conv", channels, 3, **own)
        self.kv = conv("kv", channels, 2 * channels, **own)
        self.attn_drop = keras.layers.Dropout(chosen.attn_drop, name="attn_drop", **own)

    def call(self, inputs: Tensor, relative_pos_enc: Tensor | None = None) -> Tensor:
        """Return the block's answer to a map.

        Args:
            inputs: Feature map.
            relative_pos_enc: Is added to the scaled products,
                ``(1, num_heads, H * W, h * w)`` for a reduced map of ``h`` by ``w``,
                with channels first and last alike; other sizes are resized to that,
                bicubic.

        Raises:
            ShapeError: ``inputs`` is no map of the channels for which it was built, or
                ``relative_pos_enc`` has other heads.
        """
        self._check_input(inputs)
        return self.format.ordered(
            self._answer(self.format.last(inputs), relative_pos_enc)
        )

    def maps(
        self,
        x: Any,
        *,
        query: tuple[int, int] | None = None,
        relative_pos_enc: Any = None,
    ) -> dict[str, Tensor]:
        """Return where one place looks in the reduced map: ``attention``.

        Args:
            x: Feature map.
            query: The place, ``(row, column)``; None: the centre,
                ``(H // 2, W // 2)``.
            relative_pos_enc: See ``call``.

        Returns:
            ``attention``, ``(B, num_heads, h, w)`` for a reduced map of ``h`` by ``w``,
            before any dropout; adds up to 1.

        Raises:
            ShapeError: ``x`` is no map of the channels for which it was built,
                ``query`` is outside of the map, or ``relative_pos_enc`` has other
                heads.
        """
        x, row, column = self._asked(x, query)
        if relative_pos_enc is not None:
            relative_pos_enc = ops.convert_to_tensor(
                relative_pos_enc, dtype=self.compute_dtype
            )
        return {"attention": self.attention(x, row, column, relative_pos_enc)}

    def transform(self, x: Tensor) -> Tensor:
        """Return the block's answer to a checked ``x``, without an encoding."""
        return self._answer(x, None)

    def attention(
        self, x: Tensor, row: Any, column: Any, encoding: Tensor | None = None
    ) -> Tensor:
        """Return where one place looks in the reduced map."""
        reduced = self._reduced(x)
        keys, _ = self._keys_values(reduced)
        one = self.q(x[:, row : row + 1, column : column + 1])
        logits = self._logits(self._heads(one), keys)
        _batch, height, width, _channels = ops.shape(x)
        if encoding is not None:
            places = height * width, ops.shape(logits)[3]
            number = row * width + column
            own = self._encoding(encoding, *places)[:, :, number : number + 1]
            logits = logits + ops.cast(own, logits.dtype)
        sides = ops.shape(reduced)[1], ops.shape(reduced)[2]
        heads = self.options.num_heads
        return ops.reshape(ops.softmax(logits, axis=3), (-1, heads, *sides))

    def _answer(self, x: Tensor, encoding: Tensor | None) -> Tensor:
        keys, values = self._keys_values(self._reduced(x))
        logits = self._logits(self._heads(self.q(x)), keys)
        if encoding is not None:
            places = ops.shape(logits)[2], ops.shape(logits)[3]
            own = self._encoding(encoding, *places)
            logits = logits + ops.cast(own, logits.dtype)
        weights = ops.cast(ops.softmax(logits, axis=3), values.dtype)
        # ops.matmul would bring float64 to float32 on the torch backend
        seen = ops.einsum("bhnm,bmhc->bnhc", self.attn_drop(weights), values)
        return ops.reshape(seen, ops.shape(x))

    def _reduced(self, x: Tensor) -> Tensor:
        """Return the map that the places look at."""
        reduced = x if self.sr is None else self.sr(x)
        return reduced + self.local_conv(reduced)

    def _heads(self, x: Tensor) -> Tensor:
        """Return ``(B, H, W, C)`` by heads: ``(B, H * W, heads, C / heads)``."""
        batch, height, width, _channels = ops.shape(x)
        shape = (batch, height * width, self.options.num_heads, self.head_channels)
        return ops.reshape(x, shape)

    def _keys_values(self, reduced: Tensor) -> tuple[Tensor, Tensor]:
        keys, values = ops.split(self.kv(reduced), 2, axis=3)
        return self._heads(keys), self._heads(values)

    def _logits(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Return the scaled product of every query with every key, in float32."""
        scaled = at_least_float32(queries) * self.scale
        return ops.einsum("bnhc,bmhc->bhnm", scaled, at_least_float32(keys))

    def _encoding(self, encoding: Tensor, places: Any, reduced: Any) -> Tensor:
        """Return ``encoding``, resized to ``(1, heads, places, reduced)``."""
        heads = self.options.num_heads
        shape = tuple(encoding.shape)
        if len(shape) != ENCODING_DIMS or shape[:2] != (1, heads):
            raise ShapeError(
                f"{self.owner}: relative_pos_enc must be (1, {heads}, N, M), one "
                f"plane for each of the {heads} heads, got {shape}."
            )
        # the planes as maps of one channel
        planes = encoding[0][..., None]
        return resize_bicubic(planes, places, reduced)[None, ..., 0]


@final
class _Reduction(keras.layers.Layer):
    """What reduces a map: two depth-wise convolutions with BatchNorm."""

    def __init__(
        self,
        channels: int,
        sr_ratio: int,
        act: Callable[[Tensor], Tensor],
        *,
        dtype: Any,
    ) -> None:
        super().__init__(name="sr", dtype=dtype)
        own = {"bias": False, "dtype": dtype}
        size = sr_ratio + 3
        self.conv1 = depthwise_conv("conv1", channels, size, stride=sr_ratio, **own)
        self.bn1 = norm("bn1", channels, dtype=dtype)
        self.act = act
        self.conv2 = depthwise_conv("conv2", channels, 1, **own)
        self.bn2 = norm("bn2", channels, dtype=dtype)
        self.built = True

    def call(self, inputs: Tensor) -> Tensor:
        """Return the reduced map."""
        hidden = self.act(self.bn1(self.conv1(inputs)))
        return self.bn2(self.conv2(hidden))
