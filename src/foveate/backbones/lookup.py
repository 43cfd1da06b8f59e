"""The networks by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack, cast

from foveate import _checks
from foveate._networks import RESNETS, layout_of
from foveate.backbones._attention import AttentionPlace
from foveate.backbones._layout import StemName
from foveate.backbones._making import NameOrMaker
from foveate.backbones._residual import StrideAt
from foveate.backbones.pyramid import Pyramid
from foveate.backbones.resnet import ResNet
from foveate.errors import UnknownNameError, UnknownOptionError

__all__ = [
    "Options",
    "PyramidOptions",
    "create",
    "has_joins",
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

PYRAMIDS = tuple(f"{name}_fpn" for name in RESNETS)
NAMES = (*RESNETS, *PYRAMIDS)


class Options(TypedDict, total=False):
    """The options that every ResNet takes; ``ResNet`` says what they mean."""

    num_classes: int
    in_channels: int
    width: int
    stem: StemName
    attention: NameOrMaker | None
    attention_options: Mapping[str, Any] | None
    attention_stages: Sequence[int]
    attention_place: AttentionPlace
    relu_before_attention: bool
    stride_at: StrideAt


class PyramidOptions(Options, total=False):
    """The options that every pyramid takes; ``Pyramid`` says what they mean."""

    pyramid_channels: int | None
    levels: int
    fusion: NameOrMaker
    fusion_options: Mapping[str, Any] | None


def names() -> list[str]:
    """Return the names of the networks, by version and depth, the pyramids last.

    Example:
        >>> names()[:3], names()[-1]
        (['resnet10', 'resnet18', 'resnet34'], 'resnet152v2_fpn')
    """
    return list(NAMES)


def has_joins(name: str) -> bool:
    """Return whether a network joins maps, so that it takes a fusion.

    Raises:
        UnknownNameError: There is no such network; near names are offered.

    Example:
        >>> has_joins("resnet18_fpn"), has_joins("resnet18")
        (True, False)
    """
    return _key(name) in PYRAMIDS


def create(name: str, **options: Unpack[PyramidOptions]) -> ResNet | Pyramid:
    """Return a new network.

    Args:
        name: One of ``names()``: ``resnet18``; ``resnet18v2`` for the second version
            (full pre-activation); ``resnet18_fpn`` for a feature pyramid on it.
        **options: Options of ``ResNet``: ``num_classes``, ``in_channels``, ``width``,
            ``stem``, ``attention`` and others. A pyramid takes also those of
            ``Pyramid``: ``fusion``, ``fusion_options``, ``pyramid_channels`` and
            ``levels``.

    Raises:
        UnknownNameError: There is no such network, or no such block for ``attention``
            or ``fusion``; near names are offered.
        UnknownOptionError: There is no such option; near names are offered.
        OptionError: A value cannot work; the message says what would.

    Example:
        >>> model = create("resnet10", width=16, num_classes=5, attention="eca")
        >>> type(model.layer4[0].attention).__name__
        'ECA'
        >>> model = create("resnet10_fpn", width=16, fusion="gated")
        >>> [type(join).__name__ for join in model.joins]
        ['GatedFusion', 'GatedFusion', 'GatedFusion']
    """
    key = _key(name)
    if key in PYRAMIDS:
        _check_known(key, options, PyramidOptions)
        depths, layout = layout_of(key.removesuffix("_fpn"))
        return Pyramid(depths, **layout, **options)
    return _resnet(key, **cast("Options", options))


def _key(name: str) -> str:
    """Return a name as it stands in ``NAMES``."""
    key = str(name).strip().lower()
    if key not in NAMES:
        raise UnknownNameError(
            f"no backbone named {name!r}. {_checks.suggest(key, NAMES)}"
        )
    return key


def _check_known(key: str, options: Mapping[str, Any], known: type) -> None:
    for option in options:
        if option in known.__annotations__:
            continue
        if option in PyramidOptions.__annotations__:
            raise UnknownOptionError(
                f"{key} has no option {option!r}; {key}_fpn has it."
            )
        raise UnknownOptionError(
            f"{key} has no option {option!r}. "
            f"{_checks.suggest(option, known.__annotations__)}"
        )


def _resnet(key: str, **options: Unpack[Options]) -> ResNet:
    _check_known(key, options, Options)
    depths, layout = layout_of(key)
    return ResNet(depths, **layout, **options)


def resnet10(**options: Unpack[Options]) -> ResNet:
    """Return a ResNet of one basic block a stage, for small experiments."""
    return _resnet("resnet10", **options)


def resnet18(**options: Unpack[Options]) -> ResNet:
    """Return ResNet-18: basic blocks, 2 2 2 2."""
    return _resnet("resnet18", **options)


def resnet34(**options: Unpack[Options]) -> ResNet:
    """Return ResNet-34: basic blocks, 3 4 6 3."""
    return _resnet("resnet34", **options)


def resnet50(**options: Unpack[Options]) -> ResNet:
    """Return ResNet-50: bottlenecks, 3 4 6 3."""
    return _resnet("resnet50", **options)


def resnet101(**options: Unpack[Options]) -> ResNet:
    """Return ResNet-101: bottlenecks, 3 4 23 3."""
    return _resnet("resnet101", **options)


def resnet152(**options: Unpack[Options]) -> ResNet:
    """Return ResNet-152: bottlenecks, 3 8 36 3."""
    return _resnet("resnet152", **options)


def resnet10v2(**options: Unpack[Options]) -> ResNet:
    """Return ``resnet10`` with full pre-activation."""
    return _resnet("resnet10v2", **options)


def resnet18v2(**options: Unpack[Options]) -> ResNet:
    """Return ResNet-18 with full pre-activation."""
    return _resnet("resnet18v2", **options)


def resnet34v2(**options: Unpack[Options]) -> ResNet:
    """Return ResNet-34 with full pre-activation."""
    return _resnet("resnet34v2", **options)


def resnet50v2(**options: Unpack[Options]) -> ResNet:
    """Return ResNet-50 with full pre-activation."""
    return _resnet("resnet50v2", **options)


def resnet101v2(**options: Unpack[Options]) -> ResNet:
    """Return ResNet-101 with full pre-activation."""
    return _resnet("resnet101v2", **options)


def resnet152v2(**options: Unpack[Options]) -> ResNet:
    """Return ResNet-152 with full pre-activation."""
    return _resnet("resnet152v2", **options)
