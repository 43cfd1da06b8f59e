"""Every name of the catalogue, found in the catalogue, and blocks to try it with.

A test runs by the arguments that it takes: ``name`` for every block and variant,
``free_name`` for those that take maps of any size, ``gate_name`` and
``sigmoid_gate_name`` for those that are such gates, ``opening_name`` and
``closed_name`` for those whose cards have and have not the start ``gate``,
``fusion_name`` for every fusion and variant, and ``card_name`` once a card.
"""

from functools import cache

import pytest
import torch

from foveate import blocks, catalog
from foveate.errors import OptionError

WIDTHS = (8, 16, 24, 32, 64, 128, 256, 512)
SIZE = (5, 7)


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
        "fusion_name": blocks.Fusion,
    }
    for argument, family in families.items():
        if argument in metafunc.fixturenames:
            metafunc.parametrize(argument, every_name(family))
    if "free_name" in metafunc.fixturenames:
        free = [n for n in every_name(blocks.Block) if not catalog.card(n).sized]
        metafunc.parametrize("free_name", free)
    starting = {"opening_name": True, "closed_name": False}
    for argument, opens in starting.items():
        if argument in metafunc.fixturenames:
            found = [
                name
                for name in every_name(blocks.Block)
                if ("gate" in catalog.starts_of(name)) is opens
            ]
            metafunc.parametrize(argument, found)
    if "card_name" in metafunc.fixturenames:
        metafunc.parametrize("card_name", catalog.names())


def option_of_size(name, size=SIZE):
    """Return the option that a sized block cannot be built without."""
    return {"spatial_size": size} if catalog.card(name).sized else {}


@cache
def smallest_width(name):
    for channels in WIDTHS:
        try:
            blocks.create(name, channels, device="meta", **option_of_size(name))
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


def fresh(name, *, size=SIZE, **options):
    options = option_of_size(name, size) | options
    return blocks.create(name, smallest_width(name), **options)


@pytest.fixture
def size_options():
    """Return what gives the option that a sized block cannot be built without."""
    return option_of_size


@pytest.fixture
def fresh_block():
    """Return ``create`` for the smallest width, and for the size of a sized block."""
    return fresh


@pytest.fixture
def new_block():
    """Return a maker of blocks: float64, in evaluation, with perturbed weights.

    ``size`` is that of the maps; only sized blocks look at it.
    """

    def create(name, dtype=torch.float64, *, training=False, size=SIZE):
        torch.manual_seed(0)
        block = fresh(name, size=size)
        perturb(block, torch.Generator().manual_seed(1))
        return block.to(dtype).train(training)

    return create


@pytest.fixture
def new_input():
    """Return a maker of maps that fit a name: float64, normal, of odd sides."""

    def create(name, batch=2, height=SIZE[0], width=SIZE[1], *, dtype=torch.float64):
        shape = (batch, smallest_width(name), height, width)
        random = torch.Generator().manual_seed(2)
        return torch.randn(shape, generator=random, dtype=torch.float64).to(dtype)

    return create


@pytest.fixture
def new_inputs(new_input):
    """Return a maker of all maps that a block or fusion takes: a list of one or more.

    They differ from each other.
    """

    def create(name, *shape, dtype=torch.float64):
        first = new_input(name, *shape, dtype=dtype)
        return [first.roll(place, dims=-1) * (1 + place) for place in range(many(name))]

    return create


def many(name):
    """Return how many maps a block or fusion takes."""
    return getattr(fresh(name, device="meta"), "num_inputs", 1)
