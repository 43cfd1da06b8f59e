"""The parts of a ResNet that its options choose: stem and residual blocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, get_args

from foveate import _checks
from foveate.backbones._blocks import (
    Basic,
    Bottleneck,
    PreActivationBasic,
    PreActivationBottleneck,
)
from foveate.backbones._residual import Residual, StrideAt
from foveate.errors import OptionError

__all__ = [
    "STAGES",
    "STEMS",
    "Stem",
    "StemName",
    "check_depths",
    "residual_maker",
]

STAGES = (1, 2, 3, 4)

StemName = Literal["imagenet", "half", "small"]
"""The layers before the first stage."""


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


def residual_maker(
    *, bottleneck: bool, pre_activation: bool, stride_at: StrideAt
) -> Callable[..., Residual]:
    """Return what makes a residual block from channels, a width and a stride."""
    _checks.one_of("ResNet", get_args(StrideAt), stride_at=stride_at)
    if bottleneck:
        kind = PreActivationBottleneck if pre_activation else Bottleneck
        return partial(kind, stride_at=stride_at)
    if stride_at != "3x3":
        raise OptionError(
            f"ResNet: stride_at={stride_at!r} needs bottlenecks; the blocks of this "
            "network have only 3x3 convolutions. Leave it at '3x3'."
        )
    return PreActivationBasic if pre_activation else Basic
