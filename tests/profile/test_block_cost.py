"""What each block costs, against the formulas of its paper worked out by hand."""

import pytest

from foveate import catalog
from foveate.errors import OptionError, UnknownNameError
from foveate.profile import block_cost

SIZES = [(14, 14), (7, 9)]
CHANNELS = 64


FORMULAS = {
    "se": lambda c, n, h, w: 2 * c * (c // 16),
    "channel": lambda c, n, h, w: 4 * c * (c // 16),
    "spatial": lambda c, n, h, w: 98 * n,
    "cbam": lambda c, n, h, w: 4 * c * (c // 16) + 98 * n,
    "eca": lambda c, n, h, w: 3 * c,
    "simam": lambda c, n, h, w: 0,
    "shuffle": lambda c, n, h, w: 0,
    "coordinate": lambda c, n, h, w: 2 * c * 8 * (h + w),
    "nam": lambda c, n, h, w: 0,
    "soca": lambda c, n, h, w: n * c**2 + 12 * c**3 + 2 * c * (c // 8),
    "gam": lambda c, n, h, w: n * (2 * c**2 // 4 + 98 * c**2 // 4),
    "gam.grouped": lambda c, n, h, w: n * (2 * c**2 // 4 + 98 * c**2 // 16),
    "joint_cbam": lambda c, n, h, w: (
        4 * c * (c // 16) + 98 * n + 2 * (c + n) * (c // 16)
    ),
    "criss_cross": lambda c, n, h, w: (
        n * (c**2 // 4 + c**2) + n * (h + w) * (c // 8 + c)
    ),
    "criss_cross.rcca": lambda c, n, h, w: (
        2 * (n * (c**2 // 4 + c**2) + n * (h + w) * (c // 8 + c))
    ),
    "osra": lambda c, n, h, w: (
        n * c**2
        + -(-h // 2) * -(-w // 2) * (25 * c + c + 9 * c + 2 * c**2)
        + 2 * n * -(-h // 2) * -(-w // 2) * c
    ),
    "s2": lambda c, n, h, w: n * 4 * c**2 + 4 * c**2,
    "sk": lambda c, n, h, w: 2 * n * 9 * c**2 // 32 + c * 32 + 2 * 32 * c,
    "safm": lambda c, n, h, w: (
        n * c**2
        + 9 * (c // 4) * n
        # smaller maps have a border of one place
        + sum(
            9 * (c // 4) * ((h // 2**i or 1) + 2) * ((w // 2**i or 1) + 2)
            for i in range(1, 4)
        )
    ),
    "mfe": lambda c, n, h, w: 4 * n * 9 * c**2 + 4 * c**2 + n * c**2,
    "msf": lambda c, n, h, w: 4 * c**2 + n * c**2,
    "csf": lambda c, n, h, w: 2 * c * (c // 4) + 2 * c**2,
    "add": lambda c, n, h, w: 0,
    "concat": lambda c, n, h, w: 2 * c**2 * n,
    "gated": lambda c, n, h, w: 2 * c**2 * n,
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", FORMULAS)
def test_multiplies_as_often_as_the_formula_says(name, size):
    height, width = size

    found = block_cost(name, CHANNELS, size)

    assert found.macs == FORMULAS[name](CHANNELS, height * width, height, width)


def test_every_block_of_the_catalogue_can_be_costed():
    for card in catalog.find():
        assert block_cost(card.name, 256, (7, 7)).parameters == card.parameters


def test_takes_options_and_variants():
    assert block_cost("se.bias", 64, (7, 7), reduction=8).parameters == 2 * 8 * 64 + 72


def test_refuses_an_unknown_block():
    with pytest.raises(UnknownNameError, match="Did you mean 'cbam'"):
        block_cost("cbm", 64, (7, 7))


def test_refuses_a_size_that_is_none():
    with pytest.raises(OptionError, match=r"got \(1, 64, 0, 7\)"):
        block_cost("se", 64, (0, 7))
