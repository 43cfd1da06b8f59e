"""Small hosts for tests, and what to do with them."""

import torch
from torch import nn

import foveate as fv
from foveate import surgery

EXAMPLE = (1, 3, 16, 8)


class Double(nn.Module):
    """A block of a user's: channels first, an option by keyword."""

    def __init__(self, channels, *, factor=2.0):
        super().__init__()
        if factor < 0:
            raise ValueError("factor must be 0 or more")
        self.scale = nn.Parameter(torch.full((channels, 1, 1), factor))

    def forward(self, x):
        return x * self.scale


class Wrapper(nn.Module):
    """A layer that answers for all attributes of the one within."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def __getattr__(self, name):
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("inner"), name)

    def forward(self, x):
        return self.inner(x)


def conv():
    return nn.Conv2d(3, 3, 3, padding=1)


def net():
    """Return a host of three convolutions, the second within two sequences."""
    inner = nn.Sequential(nn.Tanh(), nn.Sequential(conv(), nn.ReLU()))
    return nn.Sequential(conv(), inner, conv())


def graft(host, at, block="se", **options):
    return fv.graft(host, block, at=at, example=EXAMPLE, **options)


def rouse(host):
    """Move each block from its start."""
    for key, value in host.named_parameters():
        if key.endswith("amount"):
            value.data.fill_(0.5)


def tree(host):
    """Return each layer of a host and its hooks."""
    return [
        (path, id(module), list(module._forward_hooks), list(module._forward_pre_hooks))
        for path, module in host.named_modules()
    ]


def held(host):
    """Return the layers that hold a block, and where."""
    return [(place.path, place.position) for place in surgery.planned(host).places]
