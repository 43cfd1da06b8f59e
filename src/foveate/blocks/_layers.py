"""Activations and normalisations by name, and layers in a row."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial

from torch import nn

from foveate import _checks
from foveate.errors import OptionError

__all__ = [
    "Layer",
    "activation",
    "conv_norm_relu",
    "gate_activation",
    "norm",
    "perceptron",
]

Layer = str | Callable[..., nn.Module]
"""A layer by its name, or what makes one, such as ``nn.ReLU``."""

ACTIVATIONS: Mapping[str, Callable[[], nn.Module]] = {
    "gelu": nn.GELU,
    "hardswish": nn.Hardswish,
    "leaky_relu_0.1": partial(nn.LeakyReLU, 0.1),
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "silu": nn.SiLU,
}
GATES: Mapping[str, Callable[[], nn.Module]] = {
    "hard_sigmoid": nn.Hardsigmoid,
    "sigmoid": nn.Sigmoid,
}
NORMS: Mapping[str, Callable[[int], nn.Module]] = {
    "batch_norm": nn.BatchNorm2d,
    "identity": nn.Identity,
}


def activation(owner: str, act_layer: Layer) -> nn.Module:
    """Return a new activation."""
    return _new(owner, "act_layer", act_layer, ACTIVATIONS)


def gate_activation(owner: str, gate_layer: Layer) -> nn.Module:
    """Return a new layer that turns logits into a gate."""
    return _new(owner, "gate_layer", gate_layer, GATES)


def norm(owner: str, norm_layer: Layer, channels: int) -> nn.Module:
    """Return a new normalisation over ``channels``."""
    return _new(owner, "norm_layer", norm_layer, NORMS, channels)


def conv_norm_relu(conv: nn.Conv2d | nn.ConvTranspose2d) -> nn.Sequential:
    """Return a convolution with BatchNorm and ReLU: ``conv``, ``bn`` and ``act``."""
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        conv=conv, bn=nn.BatchNorm2d(conv.out_channels), act=nn.ReLU()
    )
    return nn.Sequential(layers)


def perceptron(first: nn.Module, second: nn.Module) -> nn.Sequential:
    """Return two layers with a ReLU between them: ``fc1``, ``act`` and ``fc2``."""
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        fc1=first, act=nn.ReLU(), fc2=second
    )
    return nn.Sequential(layers)


def _new(
    owner: str,
    option: str,
    layer: Layer,
    known: Mapping[str, Callable[..., nn.Module]],
    *arguments: int,
) -> nn.Module:
    if isinstance(layer, str):
        _checks.one_of(owner, known, **{option: layer})
        return known[layer](*arguments)
    if not callable(layer):
        raise OptionError(
            f"{owner}: {option} must be a name or a layer class such as nn.ReLU, "
            f"got {layer!r}."
        )
    return layer(*arguments)
