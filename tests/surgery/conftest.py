"""Cells of a matrix: a host of another library, and a block to graft into it.

A test that takes ``cell`` runs for every host with a block that is no identity by
itself and with one that starts as one; a test that takes ``host_cell`` runs once for
every host, and one that takes ``slow_cell`` for every host and, on two, for both
blocks.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import pytest
import torch

import foveate as fv
from foveate import hosts

EXAMPLE = (1, 3, 64, 64)

SITES = {
    # a stage, the end of a residual branch, an activation
    "timm:resnet18": ("layer1", "layer2.1.bn2", "layer4.0.act1"),
    # a stage, a block, a norm of maps that stand channels second
    "timm:convnext_tiny": ("stages.1", "stages.3.blocks.0", "stem.1"),
    # a stage, a norm with its activation, a block
    "timm:mobilenetv3_small_100": ("blocks.1", "blocks.2.0.bn1", "blocks.4.1"),
    # a stage, the end of a branch, a gate that the host has
    "timm:efficientnet_b0": ("blocks.2", "blocks.3.1.bn3", "blocks.4.0.se"),
    # a stage, the end of a branch, an activation
    "torchvision:resnet18": ("layer2", "layer3.1.bn2", "relu"),
    # the whole sequence, a block, a step within one
    "torchvision:mobilenet_v3_small": ("features", "features.4", "features.8.block.1"),
    # a stage of a part that returns a mapping, a pyramid, one of its branches
    "torchvision:deeplabv3_resnet50": (
        "backbone.layer2",
        "classifier.0",
        "classifier.0.convs.1",
    ),
    # a stage of a part that returns a list, a block of the decoder, a step of one
    "smp:unet": ("encoder.layer3", "decoder.blocks.1", "decoder.blocks.2.conv1"),
}
"""By host, three sites of one map."""

OPTIONS = {
    "smp:unet": {"encoder_name": "resnet18"},
    "torchvision:deeplabv3_resnet50": {"num_classes": 5},
}


@dataclass(frozen=True)
class Cell:
    """A host and a block.

    Attributes:
        name: The host.
        block: The block.
    """

    name: str
    block: str

    @property
    def sites(self):
        """The sites of the table, of which the first is a stage."""
        return SITES[self.name]

    def host(self, seed=0):
        """Return a new host without blocks, in evaluation; ``seed`` is of weights."""
        return make(self.name, seed) if seed else copy.deepcopy(made(self.name))

    def graft(self, host, at=None, **options):
        """Graft the block to a host, to the three sites of the table unless said."""
        block = options.pop("block", self.block)
        at = at or self.sites
        return fv.graft(host, block, at=at, example=EXAMPLE, **options)

    def grafted(self):
        """Return a new host with blocks that have left their start, in evaluation."""
        return copy.deepcopy(grown(self))

    @staticmethod
    def answer(host, x):
        """Return the tensor that a host makes of images, without gradients."""
        with torch.no_grad():
            return Cell.tensor(host(x))

    @staticmethod
    def tensor(output):
        """Return the tensor in what a host returns."""
        return output["out"] if isinstance(output, Mapping) else output

    @staticmethod
    def rouse(host, seed=1):
        """Move all parameters of blocks from where they start; return the host."""
        random = torch.Generator().manual_seed(seed)
        for key, parameter in host.named_parameters():
            if key.endswith(".amount"):
                parameter.data.fill_(0.5)
            elif ".foveate." in key:
                parameter.data = moved(parameter.data, random)
        return host


def pytest_generate_tests(metafunc):
    first = [Cell(name, "cbam") for name in SITES]
    second = [Cell(name, "criss_cross") for name in SITES]
    both = [cell for cell in second if cell.name in ("timm:resnet18", "smp:unet")]
    chosen = {
        "cell": first + second,
        "host_cell": first,
        "slow_cell": first + both,
    }
    for argument, cells in chosen.items():
        if argument in metafunc.fixturenames:
            ids = [f"{cell.name}-{cell.block}" for cell in cells]
            metafunc.parametrize(argument, cells, ids=ids)


def moved(parameter, random):
    return parameter + 0.2 * torch.randn(parameter.shape, generator=random)


def make(name, seed):
    torch.manual_seed(seed)
    host = hosts.load(name, **OPTIONS.get(name, {})).eval()
    random = torch.Generator().manual_seed(seed)
    for parameter in host.parameters():
        # norms that begin at 0 would hide what stands behind them
        if parameter.dim() == 1:
            parameter.data = moved(parameter.data, random)
    return host


@cache
def made(name):
    return make(name, seed=0)


@cache
def grown(cell):
    plain = made(cell.name)
    # the kept hosts share their weights, as all of them together are large
    host = copy.deepcopy(plain, {id(value): value for value in plain.parameters()})
    torch.manual_seed(0)
    cell.graft(host)
    return cell.rouse(host)


@pytest.fixture
def images(timm):
    """Return two images; hosts need the libraries that the fixture ``timm`` brings."""
    return torch.randn(2, *EXAMPLE[1:], generator=torch.Generator().manual_seed(3))


@pytest.fixture
def new_cell():
    """Return a maker of cells, for what one of them is enough for."""
    return Cell
