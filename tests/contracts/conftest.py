"""Every name of the catalogue, found in the catalogue, and blocks to try it with.

A test that takes ``name`` runs for every block and variant, one that takes
``gate_name`` or ``sigmoid_gate_name`` for those that are such gates, and one that takes
``card_name`` once a card.
"""

import pytest
import torch

from foveate import blocks, catalog
from foveate.errors import OptionError

WIDTHS = (8, 16, 24, 32, 64, 128, 256, 512)


def every_name(family):
    return [
        name
        for card in catalog.find()
        if issubclass(blocks.block_class(card.name), family)
        for name in (card.name, *card.variant_names)
    ]


def pytest_generate_tests(metafunc):
    families = {
        "name": blocks.Block,
        "gate_name": blocks.Gate,
        "sigmoid_gate_name": blocks.SigmoidGate,
    }
    for argument, family in families.items():
        if argument in metafunc.fixturenames:
            metafunc.parametrize(argument, every_name(family))
    if "card_name" in metafunc.fixturenames:
        metafunc.parametrize("card_name", catalog.names())


def smallest_width(name):
    for channels in WIDTHS:
        try:
            with torch.device("meta"):
                blocks.create(name, channels)
        except OptionError:
            continue
        return channels
    raise AssertionError(f"{name} takes none of {WIDTHS}")


def perturb(block, random):
    """Move every parameter and statistic, so that none hides a fault at its start."""
    for parameter in block.parameters():
        parameter.data += 0.5 * torch.randn(parameter.shape, generator=random)
    for key, buffer in block.named_buffers():
        if key.endswith("running_mean"):
            buffer.copy_(0.2 * torch.randn(buffer.shape, generator=random))
        elif key.endswith("running_var"):
            buffer.copy_(0.5 + torch.rand(buffer.shape, generator=random))


@pytest.fixture
def new_block():
    """Return a maker of blocks: float64, in evaluation, with perturbed weights."""

    def create(name, dtype=torch.float64, *, training=False):
        torch.manual_seed(0)
        block = blocks.create(name, smallest_width(name))
        perturb(block, torch.Generator().manual_seed(1))
        return block.to(dtype).train(training)

    return create


@pytest.fixture
def new_input():
    """Return a maker of maps that fit a name: float64, normal, of odd sides."""

    def create(name, batch=2, height=5, width=7, *, dtype=torch.float64):
        shape = (batch, smallest_width(name), height, width)
        random = torch.Generator().manual_seed(2)
        return torch.randn(shape, generator=random, dtype=torch.float64).to(dtype)

    return create
