"""Networks with places for attention, and for fusions where they join maps."""

from __future__ import annotations

from foveate.backbones.lookup import (
    PyramidOptions,
    create,
    has_joins,
    names,
    resnet10,
    resnet10v2,
    resnet18,
    resnet18v2,
    resnet34,
    resnet34v2,
    resnet50,
    resnet50v2,
    resnet101,
    resnet101v2,
    resnet152,
    resnet152v2,
)
from foveate.backbones.pyramid import Pyramid
from foveate.backbones.resnet import ResNet

__all__ = [
    "Pyramid",
    "PyramidOptions",
    "ResNet",
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
