"""Small networks with attention, to look into."""

import copy

import pytest
from torch import nn

import foveate as fv
from foveate import catalog

EXAMPLE = (1, 3, 10, 14)
SIZE = (5, 7)
"""Of the map that the block of a host gets of such an image."""


class Host(nn.Module):
    """A host of one block, or of one fusion of two maps."""

    def __init__(self, block, channels):
        super().__init__()
        stem = nn.Conv2d(3, channels, 3, stride=2, padding=1)
        more = getattr(block, "num_inputs", 1) - 1
        self.stems = nn.ModuleList([stem, *(copy.deepcopy(stem) for _ in range(more))])
        self.block = block

    def features(self, x):
        return [(1 + number) * stem(x) for number, stem in enumerate(self.stems)]

    def forward(self, x):
        return self.block(*self.features(x))


@pytest.fixture
def host_class():
    """A class of hosts: of a block and its channels."""
    return Host


@pytest.fixture
def host_of():
    """A function that returns a host of the block of a name."""

    def of(name, channels=32):
        options = {"spatial_size": SIZE} if catalog.card(name).sized else {}
        return Host(fv.create(name, channels, **options), channels).eval()

    return of


@pytest.fixture
def net():
    """A function that returns three layers without attention."""

    def of(channels=8):
        return nn.Sequential(
            nn.Conv2d(3, channels, 3, stride=2, padding=1),
            nn.BatchNorm2d(channels),
            nn.Conv2d(channels, channels, 3, padding=1),
        )

    return of


@pytest.fixture
def graft():
    """A function that grafts a block into such a network and returns it."""

    def into(host, block, at, **options):
        fv.graft(host, block, at=at, example=EXAMPLE, **options)
        return host

    return into
