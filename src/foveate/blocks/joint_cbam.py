"""Joint CBAM: one perceptron over the channel and the spatial logits of CBAM."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import reduce
from typing import cast, final, get_args

import torch
from torch import Tensor, nn

from foveate import _checks, ops
from foveate._options import Output, bottleneck_width, no_open_gate
from foveate.blocks._base import Gate
from foveate.blocks._layers import perceptron
from foveate.blocks._registry import register
from foveate.errors import OptionError

__all__ = ["JointCBAM"]


@register("joint_cbam")
@final
class JointCBAM(Gate):
    """Scale channels and places by gates that come from one perceptron over both.

    It is bound to one size of map, since the perceptron reads one value a place.

    Args:
        channels: Channels of the feature map.
        spatial_size: ``(H, W)`` of the maps; must be given.
        reduction: All bottlenecks are ``channels // reduction`` wide.
        hidden_channels: The bottlenecks' width, instead of that.
        min_channels: The bottlenecks are never narrower than this.
        kernel_size: Side of the spatial convolution, odd.
        output: ``product`` scales by both gates, ``channel`` and ``spatial`` by one.
            ``pair`` returns a tuple of two maps, the input scaled by the channel gate
            and the input scaled by the spatial gate, as widely copied code does.

    Shape:
        ``(B, channels, H, W)`` to the same, or to two of the same with
        ``output="pair"``, for ``(H, W) == spatial_size``.

    Raises:
        OptionError: ``spatial_size`` is not two whole numbers greater than 0, a width
            is not greater than 0, ``kernel_size`` is even, or ``output`` is not known.
        ShapeError: The input is not ``(B, channels, H, W)``, or not of
            ``spatial_size``.

    Example:
        >>> block = JointCBAM(64, spatial_size=(7, 5))
        >>> maps = block.maps(torch.randn(2, 64, 7, 5))
        >>> maps["channel"].shape, maps["spatial"].shape
        (torch.Size([2, 64, 1, 1]), torch.Size([2, 1, 7, 5]))

    Source: No paper; widely copied code. It joins the gates of Woo, Park, Lee, Kweon
    (2018), https://arxiv.org/abs/1807.06521, equations 2 and 3.
    """

    spatial_size: tuple[int, int]

    def __init__(
        self,
        channels: int,
        *,
        spatial_size: Sequence[int] | None = None,
        reduction: int = 16,
        hidden_channels: int | None = None,
        min_channels: int = 1,
        kernel_size: int = 7,
        output: Output = "product",
    ) -> None:
        super().__init__()
        width = bottleneck_width(
            "JointCBAM",
            channels,
            reduction=reduction,
            hidden_channels=hidden_channels,
            min_channels=min_channels,
        )
        _checks.odd("JointCBAM", kernel_size=kernel_size)
        _checks.one_of("JointCBAM", get_args(Output), output=output)
        self.channels: int = channels
        self.spatial_size = _checks.size("JointCBAM", spatial_size=spatial_size)
        self.output = output
        values = channels + self.spatial_size[0] * self.spatial_size[1]
        conv = nn.Conv2d(2, 1, kernel_size, padding=kernel_size // 2)
        self.channel = perceptron(
            nn.Conv2d(channels, width, 1, bias=False),
            nn.Conv2d(width, channels, 1, bias=False),
        )
        self.spatial = nn.Sequential(OrderedDict({"conv": conv}))
        self.mlp = perceptron(
            nn.Linear(values, width, bias=False), nn.Linear(width, values, bias=False)
        )

    def transform(  # type: ignore[override]
        self, x: Tensor
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Return ``x`` scaled as ``output`` says: a map, or two of them in a tuple."""
        if self.output == "pair":
            channel, spatial = self._both(x)
            return ops.scale(x, channel), ops.scale(x, spatial)
        return ops.scale(x, *self.maps(x).values())

    def gate(self, x: Tensor) -> Tensor:
        """Return the map by which ``x`` is multiplied.

        Raises:
            OptionError: ``output`` is ``pair``, which has two; see ``maps``.
        """
        if self.output == "pair":
            raise OptionError(
                "JointCBAM: output='pair' has two gates and not one, see maps(x)."
            )
        return reduce(torch.mul, self.maps(x).values())

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        """Return the gates that ``output`` uses.

        They are ``channel``, ``(B, channels, 1, 1)``, and ``spatial``.
        """
        self._check_input(x)
        channel, spatial = self._both(x)
        if self.output == "channel":
            return {"channel": channel}
        if self.output == "spatial":
            return {"spatial": spatial}
        return {"channel": channel, "spatial": spatial}

    def last_layers(self) -> Sequence[nn.Module]:
        """Return what gives the logits of one gate or of both."""
        if self.output == "pair":
            raise no_open_gate("JointCBAM", "output='pair'", "output='product'")
        return (self.mlp[-1],) * (2 if self.output == "product" else 1)

    def extra_repr(self) -> str:
        """Show the options that rebuild this block and its layers do not show."""
        return (
            f"{self.channels}, spatial_size={self.spatial_size}, output={self.output!r}"
        )

    def _both(self, x: Tensor) -> tuple[Tensor, Tensor]:
        # one call of the perceptron: to it they are images of one batch
        fc1, act, fc2 = self.channel
        pooled = torch.cat(ops.mean_max_over_places(x))
        hidden = act(ops.project(pooled, cast("nn.Conv2d", fc1)))
        by_pool = ops.project(hidden, cast("nn.Conv2d", fc2))
        by_channel = by_pool.reshape(2, *x.shape[:2], 1, 1).sum(dim=0)
        conv = cast("nn.Conv2d", self.spatial.conv)
        by_place = ops.convolve_to_one(ops.mean_max_over_channels(x), conv)
        joined = torch.cat([by_channel.flatten(1), by_place.flatten(1)], dim=1)
        gates = torch.sigmoid(self.mlp(joined))
        height, width = self.spatial_size
        channel = gates[:, : self.channels, None, None]
        return channel, gates[:, self.channels :].reshape(-1, 1, height, width)
