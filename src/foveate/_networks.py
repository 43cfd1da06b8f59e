"""What the networks are, in every framework: depths, stems, strides, where blocks go.

The networks for PyTorch and their Keras twins take it from here, so that both have the
same layers under the same names and refuse other values in the same words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict, get_args

from foveate import _checks
from foveate.errors import OptionError

__all__ = [
    "RESNETS",
    "STAGES",
    "STEMS",
    "AttentionPlace",
    "Layout",
    "Place",
    "Stem",
    "StemName",
    "StrideAt",
    "check_depths",
    "check_stages",
    "check_stride",
    "layout_of",
    "out_channels",
]

STAGES = (1, 2, 3, 4)

Place = Literal["branch_end", "after_conv2"]
"""Where attention stands in a residual block."""

AttentionPlace = Literal["auto", "branch_end", "after_conv2"]
"""A place in a residual block, or ``auto``: where the block's authors put it."""

StrideAt = Literal["3x3", "1x1"]
"""Which convolution of a bottleneck halves the map."""

StemName = Literal["imagenet", "half", "small"]
"""The layers before the first stage."""

BASIC = {
    "resnet10": (1, 1, 1, 1),
    "resnet18": (2, 2, 2, 2),
    "resnet34": (3, 4, 6, 3),
}
BOTTLENECK = {
    "resnet50": (3, 4, 6, 3),
    "resnet101": (3, 4, 23, 3),
    "resnet152": (3, 8, 36, 3),
}
DEPTHS = {**BASIC, **BOTTLENECK}

RESNETS = (*DEPTHS, *(f"{name}v2" for name in DEPTHS))
"""The names of the ResNets, by version and depth."""


@dataclass(frozen=True)
class Stem:
    """The convolution before the first stage, and whether a max-pool follows."""

    kernel_size: int
    stride: int
    pool: bool

    @property
    def reduction(self) -> int:
        """How many times smaller the map is than the image."""
        return self.stride * (2 if self.pool else 1)


STEMS: Mapping[str, Stem] = {
    "imagenet": Stem(kernel_size=7, stride=2, pool=True),
    "half": Stem(kernel_size=3, stride=2, pool=False),
    "small": Stem(kernel_size=3, stride=1, pool=False),
}


class Layout(TypedDict):
    """Which residual blocks a ResNet has."""

    bottleneck: bool
    pre_activation: bool


def layout_of(name: str) -> tuple[tuple[int, ...], Layout]:
    """Return the depths of a ResNet, and which residual blocks it has.

    Example:
        >>> layout_of("resnet50v2")
        ((3, 4, 6, 3), {'bottleneck': True, 'pre_activation': True})
    """
    first = name.removesuffix("v2")
    return DEPTHS[first], {
        "bottleneck": first in BOTTLENECK,
        "pre_activation": name != first,
    }


def out_channels(width: int, *, bottleneck: bool) -> int:
    """Return the channels that a residual block gives out."""
    return 4 * width if bottleneck else width


def check_depths(depths: Sequence[int]) -> None:
    """Raise OptionError unless ``depths`` is one whole number for each stage."""
    if isinstance(depths, str) or not isinstance(depths, Sequence):
        raise OptionError(
            "ResNet: depths must be four whole numbers, such as (2, 2, 2, 2), "
            f"got {depths!r}."
        )
    if len(depths) != len(STAGES):
        raise OptionError(
            "ResNet: depths must name the residual blocks of each of the 4 stages, "
            f"such as (2, 2, 2, 2), got {len(depths)}: {depths!r}."
        )
    for depth in depths:
        _checks.positive("ResNet", depths=depth)


def check_stages(stages: Sequence[int]) -> None:
    """Raise OptionError unless ``stages`` names one or more of the four, once each."""
    listed = isinstance(stages, Sequence) and len(stages) > 0
    if not listed or any(type(n) is not int or n not in STAGES for n in stages):
        raise OptionError(
            "ResNet: attention_stages must name one or more of the stages 1, 2, 3 and "
            f"4, such as (3, 4), got {stages!r}."
        )
    if len(set(stages)) < len(stages):
        raise OptionError(
            f"ResNet: attention_stages must name a stage only once, got {stages!r}."
        )


def check_stride(owner: str, stride_at: str, *, bottleneck: bool) -> None:
    """Raise OptionError unless the residual blocks have such a convolution."""
    _checks.one_of(owner, get_args(StrideAt), stride_at=stride_at)
    if not bottleneck and stride_at != "3x3":
        raise OptionError(
            f"{owner}: stride_at={stride_at!r} needs bottlenecks; the blocks of this "
            "network have only 3x3 convolutions. Leave it at '3x3'."
        )
