"""SHISRCNet's blocks: share out maps of several scales, channel by channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn

from foveate import _checks, ops
from foveate._options import UPSAMPLES, Align, bottleneck_width
from foveate.blocks._base import Block
from foveate.blocks._fusion import Alignment, Fusion
from foveate.blocks._layers import conv_norm_relu
from foveate.blocks._registry import register
from foveate.errors import OptionError, ShapeError

__all__ = ["CSF", "MFE", "MSF"]


@register("msf")
@final
class MSF(Fusion):
    """Mix maps by weights of each channel that come from their means, then project.

    The weights are a softmax of sigmoids, so each stays near ``1 / n``: within
    ``1 / (1 + (n - 1) e)`` and ``e / (e + n - 1)``, which for four maps is 0.109 to
    0.475. With ``fc_norm`` no sigmoid is below one half: 0.168 to 0.355.

    Args:
        channels: Channels that it works in and returns.
        num_inputs: How many maps it takes, at least 2.
        fc_norm: Whether each map's logits have a bias, BatchNorm and ReLU, as in the
            official network.
        align: What to do with maps of several sizes: ``error``, ``first``, ``largest``
            or ``smallest``.
        in_channels: Channels of each map, if they differ from ``channels``.

    Shape:
        ``num_inputs`` times ``(B, channels, H, W)`` to the same once, for any
        ``H, W >= 1``. In training a batch needs more than one place, with ``fc_norm``
        more than one image: torch raises ValueError.

    Raises:
        OptionError: A number does not fit, or ``align`` has no such name.
        ShapeError: A map does not fit; the message says which, and how it differs.

    Example:
        >>> fusion = MSF(64, num_inputs=3)
        >>> fusion.maps(*torch.randn(3, 2, 64, 7, 5))["branch"].shape
        torch.Size([2, 3, 64, 1, 1])

    Source: Xie, Li, Wang, Zhang, Chen, Shen, Wu (2023),
    https://arxiv.org/abs/2306.14119, the second half of its MFE block.
    """

    def __init__(
        self,
        channels: int,
        *,
        num_inputs: int = 4,
        fc_norm: bool = False,
        align: Align = "error",
        in_channels: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        _checks.boolean("MSF", fc_norm=fc_norm)
        self.align = Alignment(
            "MSF",
            channels,
            num_inputs=num_inputs,
            align=align,
            in_channels=in_channels,
        )
        self.fc_norm = fc_norm
        self.training_batch = 2 if fc_norm else 1
        self.fc = nn.ModuleList(
            nn.Conv2d(channels, channels, 1, bias=fc_norm) for _ in range(num_inputs)
        )
        self.fc_bn = nn.ModuleList(
            nn.BatchNorm2d(channels) for _ in range(num_inputs if fc_norm else 0)
        )
        self.project = conv_norm_relu(nn.Conv2d(channels, channels, 1, bias=False))

    def weights(self, maps: Sequence[Tensor]) -> Tensor:
        """Return the weight of each map, ``(B, num_inputs, channels, 1, 1)``."""
        means = [ops.mean_over_places(x) for x in maps]
        logits = [fc(mean) for fc, mean in zip(self.fc, means, strict=True)]
        if self.fc_norm:
            logits = [
                norm(z).relu() for norm, z in zip(self.fc_bn, logits, strict=True)
            ]
        return torch.stack(logits, dim=1).sigmoid().softmax(dim=1)

    def mix(self, maps: Sequence[Tensor]) -> Tensor:
        """Return the weighted sum of ``maps``, before the projection."""
        return ops.weighted_sum(maps, self.weights(maps))

    def fuse(self, *maps: Tensor) -> Tensor:
        """Return the projection of the weighted sum."""
        y: Tensor = self.project(self.mix(maps))
        return y

    def shares(self, *maps: Tensor) -> dict[str, Tensor]:
        """Return the weights as ``branch``, ``(B, num_inputs, channels, 1, 1)``."""
        return {"branch": self.weights(maps)}

    def extra_repr(self) -> str:
        """Show the options that rebuild this fusion."""
        return f"{self.channels}, num_inputs={self.num_inputs}, fc_norm={self.fc_norm}"


@register("mfe")
@final
class MFE(Block):
    """Mix a chain of ever wider convolutions by weights of each channel.

    Each convolution reads the answer of the one before it, plus the input. It is not a
    gate.

    Args:
        channels: Channels of the feature map.
        dilations: Dilations of the 3x3 convolutions that follow the first, one or more.
        fc_norm: See ``MSF``.

    Shape:
        ``(B, channels, H, W)`` to the same, for any ``H, W >= 1``. In training a batch
        needs more than one place, with ``fc_norm`` more than one image: torch raises
        ValueError.

    Raises:
        OptionError: ``dilations`` are not one or more numbers greater than 0.
        ShapeError: The input is not ``(B, channels, H, W)``.

    Example:
        >>> block = MFE(64)
        >>> x = torch.randn(2, 64, 7, 5)
        >>> block(x).shape, block.maps(x)["branch"].shape
        (torch.Size([2, 64, 7, 5]), torch.Size([2, 4, 64, 1, 1]))

    Source: Xie, Li, Wang, Zhang, Chen, Shen, Wu (2023),
    https://arxiv.org/abs/2306.14119, "multi-features extraction".
    """

    def __init__(
        self,
        channels: int,
        *,
        dilations: Sequence[int] = (2, 4, 8),
        fc_norm: bool = False,
    ) -> None:
        super().__init__()
        _checks.positive("MFE", channels=channels)
        _checks.whole_numbers("MFE", fewest=1, example=(2, 4, 8), dilations=dilations)
        _checks.boolean("MFE", fc_norm=fc_norm)
        self.channels = channels
        self.dilations = tuple(dilations)
        self.training_batch = 2 if fc_norm else 1
        self.branches = nn.ModuleList(
            conv_norm_relu(
                nn.Conv2d(
                    channels, channels, 3, padding=wide, dilation=wide, bias=False
                )
            )
            for wide in (1, *dilations)
        )
        self.msf = MSF(channels, num_inputs=1 + len(dilations), fc_norm=fc_norm)

    def transform(self, x: Tensor) -> Tensor:
        """Return the projection of the weighted sum of all branches, plus ``x``."""
        y: Tensor = self.msf.project(self.msf.mix(self._branches(x)) + x)
        return y.to(x.dtype)

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        """Return the weights as ``branch``, ``(B, K, channels, 1, 1)``."""
        self._check_input(x)
        return {"branch": self.msf.weights(self._branches(x))}

    def extra_repr(self) -> str:
        """Show the options that rebuild this block."""
        return f"{self.channels}, dilations={self.dilations}"

    def _branches(self, x: Tensor) -> list[Tensor]:
        answers = [self.branches[0](x)]
        for branch in self.branches[1:]:
            answers.append(branch(answers[-1] + x))
        return answers


@register("csf")
@final
class CSF(Fusion):
    """Mix two maps by weights of each channel that come from the mean of their sum.

    Args:
        channels: Channels that it works in and returns.
        reduction: The bottleneck is ``channels // reduction`` wide.
        hidden_channels: The bottleneck's width, instead of that.
        min_channels: The bottleneck is never narrower than this.
        upsample: 1: both maps have one size. 2: the second is half as high and wide,
            and a transposed 2x2 convolution enlarges it first.
        align: What to do with maps whose sizes do not fit, after ``upsample``:
            ``error``, ``first``, ``largest`` or ``smallest``.
        in_channels: Channels of each map, if they differ from ``channels``.

    Shape:
        Twice ``(B, channels, H, W)`` to the same once, for any ``H, W >= 1``; with
        ``upsample=2`` the second is ``(B, channels, H / 2, W / 2)``. In training a
        batch needs more than one image: torch raises ValueError.

    Raises:
        OptionError: A number does not fit, or ``align`` has no such name.
        ShapeError: A map does not fit; the message says which, and how it differs.

    Example:
        >>> fusion = CSF(64, upsample=2).eval()
        >>> fine, coarse = torch.randn(2, 64, 8, 6), torch.randn(2, 64, 4, 3)
        >>> fusion(fine, coarse).shape, fusion.maps(fine, coarse)["branch"].shape
        (torch.Size([2, 64, 8, 6]), torch.Size([2, 2, 64, 1, 1]))

    Source: Xie, Li, Wang, Zhang, Chen, Shen, Wu (2023),
    https://arxiv.org/abs/2306.14119, as in the authors' code.
    """

    def __init__(
        self,
        channels: int,
        *,
        reduction: int = 4,
        hidden_channels: int | None = None,
        min_channels: int = 1,
        upsample: int = 1,
        align: Align = "error",
        in_channels: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        width = bottleneck_width(
            "CSF",
            channels,
            reduction=reduction,
            hidden_channels=hidden_channels,
            min_channels=min_channels,
        )
        _checks.positive("CSF", upsample=upsample)
        if upsample not in UPSAMPLES:
            raise OptionError(f"CSF: upsample must be 1 or 2, got {upsample}.")
        self.align = Alignment(
            "CSF", channels, num_inputs=2, align=align, in_channels=in_channels
        )
        self.training_batch = 2
        self.up = None if upsample == 1 else _doubling(self.align.in_channels[1])
        self.fc1 = conv_norm_relu(nn.Conv2d(channels, width, 1))
        self.fc2 = conv_norm_relu(nn.Conv2d(width, channels, 1))
        self.heads = nn.ModuleList(
            conv_norm_relu(nn.Conv2d(channels, channels, 1)) for _ in range(2)
        )

    def prepare(self, *maps: Tensor) -> Sequence[Tensor]:
        """Return both maps, the second enlarged if that is asked for."""
        if self.up is None:
            return maps
        self.align.check(maps)
        first, second = maps
        double = (2 * second.shape[2], 2 * second.shape[3])
        if self.align.policy == "error" and first.shape[2:] != double:
            raise ShapeError(
                f"CSF: input 2 is {tuple(second.shape)}, input 1 is "
                f"{tuple(first.shape)}. With upsample=2, input 1 must be twice as high "
                "and wide as input 2. Resize one, or build the fusion with "
                "align='first', 'largest' or 'smallest'."
            )
        return first, self.up(second).to(second.dtype)

    def weights(self, maps: Sequence[Tensor]) -> Tensor:
        """Return the weight of each map, ``(B, 2, channels, 1, 1)``."""
        first, second = maps
        mean = ops.mean_over_places(first) + ops.mean_over_places(second)
        hidden = self.fc2(self.fc1(mean))
        logits = torch.stack([head(hidden) for head in self.heads], dim=1)
        return logits.softmax(dim=1)

    def fuse(self, *maps: Tensor) -> Tensor:
        """Return the weighted sum of both maps."""
        return ops.weighted_sum(maps, self.weights(maps))

    def shares(self, *maps: Tensor) -> dict[str, Tensor]:
        """Return the weights as ``branch``, ``(B, 2, channels, 1, 1)``."""
        return {"branch": self.weights(maps)}


def _doubling(channels: int) -> nn.Sequential:
    """Return what doubles height and width of a map."""
    return conv_norm_relu(nn.ConvTranspose2d(channels, channels, 2, stride=2))
