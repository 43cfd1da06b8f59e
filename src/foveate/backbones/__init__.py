"""Networks with a place for attention in every residual block."""

from __future__ import annotations

from foveate.backbones.lookup import (
    create,
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
from foveate.backbones.resnet import ResNet

__all__ = [
    "ResNet",
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
