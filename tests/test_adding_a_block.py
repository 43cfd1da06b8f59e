"""A new block is one file, one card and one test; all else finds it.

The package is copied with a toy block in it, and the copy is used as a person would.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from foveate.checkup import CHECKS

ROOT = Path(__file__).parents[1]

CARD = """
from foveate.catalog._card import Option, Paper

CARDS = (
    *CARDS,
    Card(
        name="toy",
        kind="channel",
        summary="Weigh each channel by the sigmoid of its scaled mean.",
        paper=Paper(
            title="Toys", authors="A. Maker", year=2026, link="https://toy.org",
            venue="Shop",
        ),
        formula="y = x * sigmoid(scale * mean(x))",
        parameters=256,
        options=(Option("start", 1.0, "Each scale starts at it."),),
    ),
)
"""

MODULE = '''"""Toy: weigh each channel by its mean."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from foveate import _checks, ops
from foveate.blocks._base import SigmoidGate
from foveate.blocks._registry import register

__all__ = ["Toy"]


@register("toy")
@final
class Toy(SigmoidGate):
    """Scale each channel by the sigmoid of its scaled mean.

    Args:
        channels: Channels of the feature map.
        start: Each scale starts at it.

    Shape:
        ``(B, channels, H, W)`` to the same.

    Raises:
        OptionError: ``channels`` is not greater than 0.

    Example:
        >>> Toy(2)(torch.ones(1, 2, 3, 3)).shape
        torch.Size([1, 2, 3, 3])

    Source: A. Maker (2026), https://toy.org.
    """

    def __init__(self, channels: int, *, start: float = 1.0) -> None:
        super().__init__()
        _checks.positive("Toy", channels=channels)
        _checks.number("Toy", above=0, start=start)
        self.channels = channels
        self.scale = nn.Parameter(torch.full((1, channels, 1, 1), start))

    def logits(self, x: Tensor) -> Tensor:
        """Return ``(B, channels, 1, 1)``."""
        return self.scale * ops.mean_over_places(x)

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        """Return the gate as ``channel``."""
        return {"channel": self.gate(x)}
'''

TEST = '''"""What only the toy promises."""

import torch

from foveate.blocks import Toy


def test_a_map_of_zeros_stays_zero():
    assert Toy(2)(torch.zeros(1, 2, 3, 3)).eq(0).all()
'''


@pytest.fixture(scope="module")
def run_in_copy(tmp_path_factory):
    """Return a runner of Python in a copy of the project that has a toy block."""
    copy = tmp_path_factory.mktemp("copy")
    for part in ("src", "tests", "docs"):
        shutil.copytree(ROOT / part, copy / part)
    for part in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "pyproject.toml"):
        shutil.copy(ROOT / part, copy / part)
    with (copy / "src/foveate/catalog/channel.py").open("a") as cards:
        cards.write(CARD)
    (copy / "src/foveate/blocks/toy.py").write_text(MODULE)
    (copy / "tests/blocks/test_toy.py").write_text(TEST)
    environment = os.environ | {"PYTHONPATH": str(copy / "src")}

    def run(*words):
        done = subprocess.run(
            [sys.executable, *words],
            cwd=copy,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    return run


COMMAND = "import foveate.cli as c; c.main()"


@pytest.mark.slow
def test_the_commands_show_it(run_in_copy):
    row = next(
        line
        for line in run_in_copy("-c", COMMAND, "list").splitlines()
        if "toy" in line
    )

    assert row.split()[:4] == ["toy", "channel", "2026", "256"]
    assert "start=1.0" in run_in_copy("-c", COMMAND, "show", "toy")


@pytest.mark.slow
def test_the_documentation_has_a_page_for_it(run_in_copy):
    collect = "import build, pathlib; build.collect(pathlib.Path('pages'))"

    run_in_copy("-c", f"import sys; sys.path.insert(0, 'docs'); {collect}")

    page = run_in_copy("-c", "print(open('pages/blocks/toy.md').read())")
    assert "y = x * sigmoid(scale * mean(x))" in page


@pytest.mark.slow
def test_the_contracts_the_doctor_and_its_own_test_run_for_it_and_pass(run_in_copy):
    said = run_in_copy(
        *("-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider"),
        *("-k", "toy", "tests/contracts", "tests/checkup", "tests/blocks"),
    )

    passed = int(said.rpartition(" passed")[0].rpartition("\n")[2].split()[-1])
    # the contracts, every check of the doctor, and its own test
    assert passed > 100 + len(CHECKS)
