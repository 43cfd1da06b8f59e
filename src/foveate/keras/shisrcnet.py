"""SHISRCNet's blocks: share out maps of several scales, channel by channel."""

from __future__ import annotations

from typing import Any, final

from keras import ops

from foveate import _checks
from foveate._options import UPSAMPLES
from foveate.errors import OptionError, ShapeError
from foveate.keras._alignment import differ
from foveate.keras._base import Layer
from foveate.keras._formats import Shape, Size
from foveate.keras._fusion import Fusion
from foveate.keras._layers import conv, norm, transposed_conv
from foveate.keras._numbers import (
    Tensor,
    at_least_float32,
    mean_over_places,
    weighted_sum,
)
from foveate.keras._registry import register
from foveate.keras._rows import ConvNormRelu

__all__ = ["CSF", "MFE", "MSF"]


@register("msf")
@final
class MSF(Fusion):
    """Mix maps by weights of each channel that come from their means, then project.

    The weights are a softmax of sigmoids, so each stays near ``1 / n``: within
    ``1 / (1 + (n - 1) e)`` and ``e / (e + n - 1)``, which for four maps is 0.109 to
    0.475. With ``fc_norm`` no sigmoid is below one half: 0.168 to 0.355.
    """

    def create_parts(self, channels: int) -> None:
        """Create what weighs each map, and the projection."""
        own: dict[str, Any] = {"dtype": self.dtype_policy}
        bias = self.options.fc_norm
        places = range(self.num_inputs)
        self.fc = [
            conv(f"fc_{k}", channels, channels, bias=bias, **own) for k in places
        ]
        self.fc_bn = [
            norm(f"fc_bn_{k}", channels, **own) for k in places if self.options.fc_norm
        ]
        project = conv("conv", channels, channels, bias=False, **own)
        self.project = ConvNormRelu("project", project)

    def fuse(self, maps: list[Tensor]) -> Tensor:
        """Return the projection of the weighted sum."""
        return self.project(self.mix(maps))

    def shares(self, maps: list[Tensor]) -> dict[str, Tensor]:
        """Return the weights as ``branch``, ``(B, num_inputs, 1, 1, C)``."""
        return {"branch": self.weigh(maps)}

    def mix(self, maps: list[Tensor]) -> Tensor:
        """Return the weighted sum of maps, before the projection."""
        return weighted_sum(maps, self.weigh(maps))

    def weigh(self, maps: list[Tensor]) -> Tensor:
        """Return the weight of each map, ``(B, num_inputs, 1, 1, C)``."""
        means = map(mean_over_places, maps)
        logits = [fc(mean) for fc, mean in zip(self.fc, means, strict=True)]
        if self.options.fc_norm:
            logits = [ops.relu(bn(z)) for bn, z in zip(self.fc_bn, logits, strict=True)]
        return _shared_out(ops.sigmoid(ops.stack(logits, axis=1)))


@register("mfe")
@final
class MFE(Layer):
    """Mix a chain of ever wider convolutions by weights of each channel.

    Each convolution reads the answer of the one before it, plus the input. It is not a
    gate.
    """

    def check(self) -> None:
        """Raise OptionError if ``dilations`` are not numbers greater than 0."""
        _checks.whole_numbers(
            self.owner, fewest=1, example=(2, 4, 8), dilations=self.options.dilations
        )

    def create_parts(self, channels: int) -> None:
        """Create the chain, and what weighs its answers."""
        own: dict[str, Any] = {"bias": False, "dtype": self.dtype_policy}
        dilations = (1, *self.options.dilations)
        self.branches = [
            ConvNormRelu(
                f"branches_{k}",
                conv("conv", channels, channels, 3, dilation=wide, **own),
            )
            for k, wide in enumerate(dilations)
        ]
        self.msf = MSF(
            channels,
            num_inputs=len(dilations),
            fc_norm=self.options.fc_norm,
            data_format="channels_last",
            dtype=self.dtype_policy,
            name="msf",
        )
        self.msf.build(self.msf.shapes_for(channels))

    def transform(self, x: Tensor) -> Tensor:
        """Return the projection of the weighted sum of all branches, plus ``x``."""
        return self.msf.project(self.msf.mix(self._answers(x)) + x)

    def look(self, x: Tensor) -> dict[str, Tensor]:
        """Return the weights as ``branch``, ``(B, K, 1, 1, C)``."""
        return {"branch": self.msf.weigh(self._answers(x))}

    def _answers(self, x: Tensor) -> list[Tensor]:
        answers = [self.branches[0](x)]
        for branch in self.branches[1:]:
            answers.append(branch(answers[-1] + x))
        return answers


@register("csf")
@final
class CSF(Fusion):
    """Mix two maps by weights of each channel that come from the mean of their sum.

    With ``upsample=2`` the second map is half as high and wide, and a transposed 2x2
    convolution enlarges it first.
    """

    def check(self) -> None:
        """Raise OptionError if ``upsample`` is neither 1 nor 2, as for all fusions."""
        upsample = self.options.upsample
        _checks.positive(self.owner, upsample=upsample)
        if upsample not in UPSAMPLES:
            raise OptionError(f"{self.owner}: upsample must be 1 or 2, got {upsample}.")
        super().check()

    def create_parts(self, channels: int) -> None:
        """Create what enlarges the second map, and what weighs both."""
        own: dict[str, Any] = {"dtype": self.dtype_policy}
        width, second = self.width(channels), self.widths(channels)[1]
        self.up = (
            None
            if self.options.upsample == 1
            else ConvNormRelu("up", transposed_conv("conv", second, **own))
        )
        self.fc1 = ConvNormRelu("fc1", conv("conv", channels, width, **own))
        self.fc2 = ConvNormRelu("fc2", conv("conv", width, channels, **own))
        self.heads = [
            ConvNormRelu(f"heads_{k}", conv("conv", channels, channels, **own))
            for k in range(2)
        ]

    def prepare(self, maps: list[Tensor]) -> list[Tensor]:
        """Return both maps, the second enlarged if that is asked for."""
        first, second = maps
        return maps if self.up is None else [first, self.up(second)]

    def sizes_prepared(self, sizes: list[Size]) -> list[Size]:
        """Return the sizes of both maps, the second enlarged if that is asked for."""
        first, second = sizes
        times = self.options.upsample
        height, width = (None if side is None else times * side for side in second)
        return [first, (height, width)]

    def check_sizes(self, shapes: list[Shape]) -> None:
        """Raise ShapeError unless input 1 is as large as input 2 will be."""
        if self.options.upsample == 1:
            super().check_sizes(shapes)
            return
        first, second = self.sizes_prepared(
            [self.format.size(shape) for shape in shapes]
        )
        if differ(first, second):
            raise ShapeError(
                f"{self.owner}: input 2 is {shapes[1]}, input 1 is {shapes[0]}. With "
                "upsample=2, input 1 must be twice as high and wide as input 2. Resize "
                "one, or build the fusion with align='first', 'largest' or 'smallest'."
            )

    def fuse(self, maps: list[Tensor]) -> Tensor:
        """Return the weighted sum of both maps."""
        return weighted_sum(maps, self._weigh(maps))

    def shares(self, maps: list[Tensor]) -> dict[str, Tensor]:
        """Return the weights as ``branch``, ``(B, 2, 1, 1, C)``."""
        return {"branch": self._weigh(maps)}

    def _weigh(self, maps: list[Tensor]) -> Tensor:
        first, second = maps
        mean = mean_over_places(first) + mean_over_places(second)
        hidden = self.fc2(self.fc1(mean))
        return _shared_out(ops.stack([head(hidden) for head in self.heads], axis=1))


def _shared_out(logits: Tensor) -> Tensor:
    """Return weights of branches ``(B, K, 1, 1, C)``, which add up to 1 over K."""
    weights = ops.softmax(at_least_float32(logits), axis=1)
    return ops.cast(weights, logits.dtype)
