"""OSRA: let each place look at a reduced map of overlapping patches."""

from __future__ import annotations

from collections import OrderedDict
from typing import final

from torch import Tensor, nn
from torch.nn import functional

from foveate import _checks, ops
from foveate.blocks._base import Block, check_place
from foveate.blocks._layers import Layer, activation
from foveate.blocks._registry import register
from foveate.errors import ShapeError

__all__ = ["OSRA"]

ENCODING_DIMS = 4


@register("osra")
@final
class OSRA(Block):
    """Replace each place by a weighted mean over a reduced map.

    Two depth-wise convolutions of stride ``sr_ratio`` reduce the map, and a third adds
    each place's neighbours; keys and values come from the result. There is no output
    projection and no shortcut: the block belongs in a branch. In half precision, where
    weights are dropped and with gradients through a ``relative_pos_enc``, memory grows
    with ``num_heads * (H * W)^2 / sr_ratio^2``.

    Args:
        channels: Channels of the feature map, a multiple of ``num_heads``.
        num_heads: Heads of ``channels // num_heads`` channels each.
        sr_ratio: Stride of the reduction; 1 leaves the map as it is.
        qk_scale: Multiplies the products of queries and keys; None:
            ``(channels / num_heads) ** -0.5``.
        attn_drop: Share of the weights that is dropped in training.
        act_layer: Activation of the reduction, by name or class.

    Shape:
        ``(B, channels, H, W)`` to the same, for any ``H, W >= 1``. With ``sr_ratio``
        above 1, a batch in training needs more than one place in the reduced map: torch
        raises ValueError.

    Raises:
        OptionError: ``channels`` is not a multiple of ``num_heads``, a number is not
            greater than 0, ``attn_drop`` is not from 0 to below 1, or a name is not
            known.
        ShapeError: The input is not ``(B, channels, H, W)``.

    Example:
        >>> import torch
        >>> block = OSRA(64)
        >>> x = torch.randn(2, 64, 7, 5)
        >>> block(x).shape, block.maps(x)["attention"].shape
        (torch.Size([2, 64, 7, 5]), torch.Size([2, 8, 4, 3]))

    Source: Lou, Zhang, Zhou, Yang, Wu, Yu (2025), https://arxiv.org/abs/2310.19380,
    "overlapping spatial reduction attention".
    """

    def __init__(
        self,
        channels: int,
        *,
        num_heads: int = 8,
        sr_ratio: int = 2,
        qk_scale: float | None = None,
        attn_drop: float = 0.0,
        act_layer: Layer = "gelu",
    ) -> None:
        super().__init__()
        _checks.positive(
            "OSRA", channels=channels, num_heads=num_heads, sr_ratio=sr_ratio
        )
        _checks.multiple_of("OSRA", channels, num_heads, "num_heads")
        _checks.finite_or_none("OSRA", qk_scale=qk_scale)
        _checks.share("OSRA", attn_drop=attn_drop)
        self.channels: int = channels
        # the fewest that are reduced to two
        self.exported_side = sr_ratio + 1 - sr_ratio % 2
        self.num_heads = num_heads
        self.sr_ratio = sr_ratio
        # 0 is a scale too
        self.scale = (channels // num_heads) ** -0.5 if qk_scale is None else qk_scale
        self.q = nn.Conv2d(channels, channels, 1)
        self.sr = _reduction(channels, sr_ratio, activation("OSRA", act_layer))
        self.local_conv = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.kv = nn.Conv2d(channels, 2 * channels, 1)
        self.attn_drop = nn.Dropout(attn_drop)

    def forward(self, x: Tensor, relative_pos_enc: Tensor | None = None) -> Tensor:
        """Return the block's answer to ``x``.

        Args:
            x: Feature map, ``(B, channels, H, W)``, any ``H, W >= 1``.
            relative_pos_enc: Is added to the scaled products,
                ``(1, num_heads, H * W, h * w)`` for a reduced map of ``h`` by ``w``;
                other sizes are resized to that, bicubic.

        Raises:
            ShapeError: ``x`` is not ``(B, channels, H, W)`` of floating point, or
                ``relative_pos_enc`` has other heads.
        """
        self._check_input(x)
        return self._answer(x, relative_pos_enc)

    def transform(self, x: Tensor) -> Tensor:
        """Return the block's answer to a checked ``x``, without an encoding."""
        return self._answer(x, None)

    def maps(
        self,
        x: Tensor,
        *,
        query: tuple[int, int] | None = None,
        relative_pos_enc: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Return where one place looks in the reduced map: ``attention``.

        Args:
            x: Feature map, ``(B, channels, H, W)``.
            query: The place, ``(row, column)``; None: the centre,
                ``(H // 2, W // 2)``.
            relative_pos_enc: See ``forward``.

        Returns:
            ``attention``, ``(B, num_heads, h, w)`` for a reduced map of ``h`` by ``w``,
            before any dropout; adds up to 1.

        Raises:
            ShapeError: ``query`` is outside of the map.
        """
        self._check_input(x)
        row, column = check_place("OSRA", x, query)
        one = self.q(x[:, :, row : row + 1, column : column + 1])
        reduced = self._reduced(x)
        keys, _ = self._keys_values(reduced)
        logits = self._logits(self._heads(one), keys)
        if relative_pos_enc is not None:
            places = x.shape[2] * x.shape[3]
            encoding = self._encoding(relative_pos_enc, places, logits.shape[3])
            number = row * x.shape[3] + column
            logits = logits + encoding[:, :, number : number + 1].to(logits.dtype)
        weights = ops.attention_weights(logits)
        return {"attention": weights.reshape(*weights.shape[:2], *reduced.shape[2:])}

    def extra_repr(self) -> str:
        """Show the options that rebuild this block."""
        return (
            f"{self.channels}, num_heads={self.num_heads}, sr_ratio={self.sr_ratio}, "
            f"qk_scale={self.scale}"
        )

    def _answer(self, x: Tensor, relative_pos_enc: Tensor | None) -> Tensor:
        queries = self._heads(self.q(x))
        keys, values = self._keys_values(self._reduced(x))
        encoding = None
        if relative_pos_enc is not None:
            places = queries.shape[3], keys.shape[3]
            encoding = self._encoding(relative_pos_enc, *places)
        dropped = self.attn_drop.p if self.training else 0.0
        y = ops.attend(queries, keys, values, self.scale, encoding, dropped)
        return ops.in_layout_of(y.reshape(x.shape).to(x.dtype), x)

    def _reduced(self, x: Tensor) -> Tensor:
        """Return the map that the places look at."""
        reduced = self.sr(x)
        local: Tensor = reduced + self.local_conv(reduced)
        return local

    def _heads(self, x: Tensor) -> Tensor:
        """Return ``(B, C, H, W)`` by heads: ``(B, heads, C / heads, H * W)``."""
        batch, channels, height, width = x.shape
        size = channels // self.num_heads
        return x.reshape(batch, self.num_heads, size, height * width)

    def _keys_values(self, reduced: Tensor) -> tuple[Tensor, Tensor]:
        keys, values = self.kv(reduced).chunk(2, dim=1)
        return self._heads(keys), self._heads(values)

    def _logits(self, queries: Tensor, keys: Tensor) -> Tensor:
        scaled = ops.at_least_float32(queries) * self.scale
        return ops.attention_logits(scaled.transpose(2, 3), keys)

    def _encoding(self, encoding: Tensor, places: int, reduced: int) -> Tensor:
        """Return ``encoding``, resized to ``(1, heads, places, reduced)``."""
        shape = tuple(encoding.shape)
        if len(shape) != ENCODING_DIMS or shape[:2] != (1, self.num_heads):
            raise ShapeError(
                f"OSRA: relative_pos_enc must be (1, {self.num_heads}, N, M), one "
                f"plane for each of the {self.num_heads} heads, got {shape}."
            )
        if shape[2:] == (places, reduced):
            return encoding
        return functional.interpolate(
            encoding, size=(places, reduced), mode="bicubic", align_corners=False
        )


def _reduction(channels: int, sr_ratio: int, act: nn.Module) -> nn.Module:
    """Return what reduces a map: two depth-wise convolutions with BatchNorm."""
    if sr_ratio == 1:
        return nn.Identity()
    kernel_size = sr_ratio + 3
    first = nn.Conv2d(
        channels,
        channels,
        kernel_size,
        stride=sr_ratio,
        padding=kernel_size // 2,
        groups=channels,
        bias=False,
    )
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        conv1=first,
        bn1=nn.BatchNorm2d(channels),
        act=act,
        conv2=nn.Conv2d(channels, channels, 1, groups=channels, bias=False),
        bn2=nn.BatchNorm2d(channels),
    )
    return nn.Sequential(layers)
