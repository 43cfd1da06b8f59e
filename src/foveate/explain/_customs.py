"""What a network says, or shows, of the images that it takes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from foveate.surgery import planned

__all__ = ["Customs", "customs_of"]

CHANNELS = 3
SIDE = 224
MULTIPLE = 32
ULTRALYTICS_SIDE = 640
INPUT_DIMS = 4

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Of its training images, over red, green and blue."""


@dataclass(frozen=True)
class Customs:
    """How a network takes images.

    Attributes:
        mean: Taken off each channel, of values from 0 to 1.
        std: What each channel is then divided by.
        size: Height and width that it was made for.
        multiple: What height and width are multiples of.
        is_fixed: Whether it takes images of this size alone.
        channels: Channels of its input.
        source: Where this is from, in words.
        by_longer_side: Whether its size is that of the longer side.
    """

    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    size: tuple[int, int] = (SIDE, SIDE)
    multiple: int = MULTIPLE
    is_fixed: bool = False
    channels: int = CHANNELS
    source: str = "as for ImageNet, as the network does not say"
    by_longer_side: bool = False


def customs_of(network: nn.Module) -> Customs:
    """Return how a network takes images, by what it says; else what is usual."""
    config = _mapping(network, "pretrained_cfg") or _mapping(network, "default_cfg")
    rows = _mapping(network, "yaml")
    if "input_size" in config and "mean" in config:
        found = _of_timm(network, config)
    elif rows:
        found = _of_ultralytics(network, rows)
    elif hasattr(getattr(network, "transform", None), "image_mean"):
        found = _of_detector(network.transform)
    else:
        found = _of_attributes(network)
    bound = _bound_by_blocks(network)
    if bound is not None:
        found = replace(found, size=bound, is_fixed=True)
    if len(found.mean) == found.channels or found.channels != 1:
        return found
    # grey is about the mean of the colours
    return replace(found, mean=(_mean(found.mean),), std=(_mean(found.std),))


def _of_timm(network: nn.Module, config: Mapping[str, Any]) -> Customs:
    patches = getattr(network, "patch_embed", None)
    fixed = bool(config.get("fixed_input_size"))
    strict = getattr(patches, "strict_img_size", None)
    if strict is False:
        fixed = False
    # the configuration is that of the weights, whatever the network was made with
    size = getattr(patches, "img_size", None) or tuple(config["input_size"])[1:]
    # others overlap their patches
    patch = _pair(getattr(patches, "patch_size", 1) if strict is not None else 1)
    return Customs(
        mean=tuple(config["mean"]),
        std=tuple(config.get("std", IMAGENET_STD)),
        size=_pair(size),
        # such as 14: no multiple of 32 is one of it
        multiple=MULTIPLE if MULTIPLE % max(patch) == 0 else max(patch),
        is_fixed=fixed,
        channels=_channels(network, config.get("first_conv")),
        source="as timm says of its weights",
    )


def _of_ultralytics(network: nn.Module, rows: Mapping[str, Any]) -> Customs:
    strides = getattr(network, "stride", None)
    largest = int(max(strides)) if strides is not None else MULTIPLE
    # of its classifiers it says no more than 1
    detects = largest > 1
    side = ULTRALYTICS_SIDE if detects else SIDE
    channels = int(rows.get("channels", CHANNELS))
    return Customs(
        mean=(0.0,) * channels,
        std=(1.0,) * channels,
        size=(side, side),
        multiple=max(largest, MULTIPLE),
        channels=channels,
        source="as networks of Ultralytics do",
        by_longer_side=detects,
    )


def _of_detector(transform: Any) -> Customs:
    """Return what a detector of torchvision takes, which then prepares it itself."""
    fixed = getattr(transform, "fixed_size", None)
    side = int(transform.min_size[-1])
    return Customs(
        mean=(0.0,) * CHANNELS,
        std=(1.0,) * CHANNELS,
        # it gives width and height
        size=(fixed[1], fixed[0]) if fixed else (side, side),
        multiple=1,
        is_fixed=bool(fixed),
        source="as detectors of torchvision, which do the rest themselves",
    )


def _of_attributes(network: nn.Module) -> Customs:
    """Return what is usual, at the size that the network or its settings name."""
    channels = _channels(network, None)
    for holder in (network, getattr(network, "config", None)):
        size = getattr(holder, "image_size", None)
        if isinstance(size, int | Sequence) and not isinstance(size, str):
            return Customs(size=_pair(size), is_fixed=True, channels=channels)
    return Customs(channels=channels)


def _bound_by_blocks(network: nn.Module) -> tuple[int, int] | None:
    """Return the size of image that blocks bind the network to, None if to none."""
    sizes = [getattr(module, "spatial_size", None) for module in network.modules()]
    if not any(isinstance(size, tuple) for size in sizes):
        return None
    plan = planned(network)
    shapes = plan.example if plan is not None else ()
    inputs = [shape[2:] for shape in shapes if len(shape) == INPUT_DIMS]
    return (inputs[0][0], inputs[0][1]) if inputs else (SIDE, SIDE)


def _channels(network: nn.Module, first: object) -> int:
    own = getattr(network, "in_channels", None)
    if type(own) is int:
        return own
    layers = dict(network.named_modules())
    named = layers.get(first) if isinstance(first, str) else None
    for layer in (named, *layers.values()):
        if isinstance(layer, nn.Conv2d):
            return layer.in_channels
    return CHANNELS


def _mapping(network: nn.Module, name: str) -> Mapping[str, Any]:
    value = getattr(network, name, None)
    return value if isinstance(value, Mapping) else {}


def _pair(value: int | Sequence[int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
