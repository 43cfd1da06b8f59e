"""The shape of an input that a network is looked at with, if nobody names one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from foveate.hosts.loading import load

__all__ = ["example_shape"]

CHANNELS = 3
SIDE = 224
ULTRALYTICS_SIDE = 640

Shape = tuple[int, int, int, int]


def example_shape(network: str | nn.Module) -> Shape:
    """Return the shape of an example input, ``(1, channels, height, width)``.

    It is what timm or Ultralytics say of their networks, and ``(1, 3, 224, 224)`` for
    others; the channels are those of a network's ``in_channels`` where it has them.

    Args:
        network: A network, or its name as ``hosts.load`` takes it.

    Example:
        >>> from foveate import backbones
        >>> example_shape(backbones.resnet10(width=16, in_channels=1))
        (1, 1, 224, 224)
    """
    model = load(network) if isinstance(network, str) else network
    config = getattr(model, "pretrained_cfg", None) or getattr(
        model, "default_cfg", None
    )
    if isinstance(config, Mapping) and "input_size" in config:
        return _of_timm(model, config)
    rows = getattr(model, "yaml", None)
    if isinstance(rows, Mapping):
        channels = int(rows.get("channels", CHANNELS))
        return (1, channels, ULTRALYTICS_SIDE, ULTRALYTICS_SIDE)
    own = getattr(model, "in_channels", CHANNELS)
    return (1, own if type(own) is int else CHANNELS, SIDE, SIDE)


def _of_timm(model: nn.Module, config: Mapping[str, Any]) -> Shape:
    channels, height, width = config["input_size"]
    # the configuration is that of the weights, whatever in_chans the network has
    first = config.get("first_conv")
    layers = dict(model.named_modules())
    if isinstance(first, str) and first in layers:
        channels = getattr(layers[first], "in_channels", channels)
    return (1, channels, height, width)
