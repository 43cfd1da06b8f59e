"""The parts of a ResNet that its options choose: stem and residual blocks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from foveate._networks import (
    STAGES,
    STEMS,
    Stem,
    StemName,
    StrideAt,
    check_depths,
    check_stride,
)
from foveate.backbones._blocks import (
    Basic,
    Bottleneck,
    PreActivationBasic,
    PreActivationBottleneck,
)
from foveate.backbones._residual import Residual

__all__ = [
    "STAGES",
    "STEMS",
    "Stem",
    "StemName",
    "check_depths",
    "residual_maker",
]


def residual_maker(
    *, bottleneck: bool, pre_activation: bool, stride_at: StrideAt
) -> Callable[..., Residual]:
    """Return what makes a residual block from channels, a width and a stride."""
    check_stride("ResNet", stride_at, bottleneck=bottleneck)
    if bottleneck:
        kind = PreActivationBottleneck if pre_activation else Bottleneck
        return partial(kind, stride_at=stride_at)
    return PreActivationBasic if pre_activation else Basic
