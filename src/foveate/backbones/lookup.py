"""The ResNets by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

from foveate import _checks
from foveate.backbones._attention import Attention, AttentionPlace
from foveate.backbones._layout import StemName
from foveate.backbones._residual import StrideAt
from foveate.backbones.resnet import ResNet
from foveate.errors import UnknownNameError, UnknownOptionError

__all__ = [
    "Options",
    "create",
    "names",
    "resnet10",
    "resnet10v2",
    "resnet18",
    "resnet18v2",
    "resnet34",
    "resnet34v2",
    "resnet50",
    "resnet50v2",
    "resnet101",
    "resnet101v2",
    "resnet152",
    "resnet152v2",
]

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
NAMES = (*DEPTHS, *(f"{name}v2" for name in DEPTHS))


class Options(TypedDict, total=False):
    """The options that every ResNet takes; ``ResNet`` says what they mean."""

    num_classes: int
    in_channels: int
    width: int
    stem: StemName
    attention: Attention | None
    attention_options: Mapping[str, Any] | None
    attention_stages: Sequence[int]
    attention_place: AttentionPlace
    relu_before_attention: bool
    stride_at: StrideAt


def names() -> list[str]:
    """Return the names of the networks, by version and depth.

    Example:
        >>> names()[:3], names()[-1]
        (['resnet10', 'resnet18', 'resnet34'], 'resnet152v2')
    """
    return list(NAMES)


def create(name: str, **options: Unpack[Options]) -> ResNet:
    """Return a new network.

    Args:
        name: One of ``names()``: ``resnet18``, or ``resnet18v2`` for the second version
            (full pre-activation).
        **options: Options of ``ResNet``: ``num_classes``, ``in_channels``, ``width``,
            ``stem``, ``attention`` and others.

    Raises:
        UnknownNameError: There is no such network, or no such block for ``attention``;
            near names are offered.
        UnknownOptionError: There is no such option; near names are offered.
        OptionError: A value cannot work; the message says what would.

    Example:
        >>> model = create("resnet10", width=16, num_classes=5, attention="eca")
        >>> type(model.layer4[0].attention).__name__
        'ECA'
    """
    key = str(name).strip().lower()
    if key not in NAMES:
        raise UnknownNameError(
            f"no backbone named {name!r}. {_checks.suggest(key, NAMES)}"
        )
    for option in options:
        if option not in Options.__annotations__:
            raise UnknownOptionError(
                f"{key} has no option {option!r}. "
                f"{_checks.suggest(option, Options.__annotations__)}"
            )
    plain = key.removesuffix("v2")
    return ResNet(
        DEPTHS[plain],
        bottleneck=plain in BOTTLENECK,
        pre_activation=key != plain,
        **options,
    )


def resnet10(**options: Unpack[Options]) -> ResNet:
    """Return a ResNet of one basic block a stage, for small experiments."""
    return create("resnet10", **options)


def resnet18(**options: Unpack[Options]) -> ResNet:
    """Return ResNet-18: basic blocks, 2 2 2 2."""
    return create("resnet18", **options)


def resnet34(**options: Unpack[Options]) -> ResNet:
    """Return ResNet-34: basic blocks, 3 4 6 3."""
    return create("resnet34", **options)


def resnet50(**options: Unpack[Options]) -> ResNet:
    """Return ResNet-50: bottlenecks, 3 4 6 3."""
    return create("resnet50", **options)


def resnet101(**options: Unpack[Options]) -> ResNet:
    """Return ResNet-101: bottlenecks, 3 4 23 3."""
    return create("resnet101", **options)


def resnet152(**options: Unpack[Options]) -> ResNet:
    """Return ResNet-152: bottlenecks, 3 8 36 3."""
    return create("resnet152", **options)


def resnet10v2(**options: Unpack[Options]) -> ResNet:
    """Return ``resnet10`` with full pre-activation."""
    return create("resnet10v2", **options)


def resnet18v2(**options: Unpack[Options]) -> ResNet:
    """Return ResNet-18 with full pre-activation."""
    return create("resnet18v2", **options)


def resnet34v2(**options: Unpack[Options]) -> ResNet:
    """Return ResNet-34 with full pre-activation."""
    return create("resnet34v2", **options)


def resnet50v2(**options: Unpack[Options]) -> ResNet:
    """Return ResNet-50 with full pre-activation."""
    return create("resnet50v2", **options)


def resnet101v2(**options: Unpack[Options]) -> ResNet:
    """Return ResNet-101 with full pre-activation."""
    return create("resnet101v2", **options)


def resnet152v2(**options: Unpack[Options]) -> ResNet:
    """Return ResNet-152 with full pre-activation."""
    return create("resnet152v2", **options)
