"""The checks as tests of pytest."""

import subprocess
import sys

import pytest
from torch import nn

from foveate.checkup import CHECKS, Target, parametrize_with_checks
from foveate.errors import OptionError

FILE = """
import torch
from torch import nn
from foveate.checkup import Target, parametrize_with_checks


class Good(nn.Module):
    def forward(self, x):
        return x * 0.5


class Batch(nn.Module):
    def forward(self, x):
        return x * x.softmax(dim=0)


@parametrize_with_checks([Good, Target(Batch, channels=4)], checks=CHECKS)
def test_keeps_its_promises(check):
    check()
"""


def run(tmp_path, checks):
    (tmp_path / "test_mine.py").write_text(FILE.replace("CHECKS", repr(checks)))
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-rs", "-p", "no:cacheprovider"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    ).stdout


@pytest.mark.slow
def test_a_test_passes_fails_or_is_skipped_as_its_check_ends(tmp_path):
    checks = ["few_channels", "images_are_independent", "one_image_in_training"]

    said = run(tmp_path, checks)

    assert "[Good-images_are_independent] PASSED" in said
    assert "[Good-few_channels] SKIPPED" in said
    assert "It is not told its channels." in said
    assert "[Batch-images_are_independent] FAILED" in said
    assert "[Batch-one_image_in_training] SKIPPED" in said
    assert "Its answer to an image depends on the others in the batch." in said
    assert "Name the axis: softmax(dim=1)" in said
    assert "1 failed, 2 passed, 3 skipped" in said


def names_of(decorate):
    @decorate
    def test_it(check):
        """Do nothing."""

    (mark,) = test_it.pytestmark
    return [check.title for check in mark.args[1]]


def test_every_block_is_tested_with_every_check():
    found = names_of(parametrize_with_checks([nn.Identity, "cbam", Target("se")]))

    assert len(found) == 3 * len(CHECKS)
    assert found[0] == "Identity-answers"
    assert found[-1] == f"se-{CHECKS[-1].name}"


def test_nothing_is_built_before_the_tests_run():
    built = []

    names_of(parametrize_with_checks([built.append]))

    assert built == []


def test_an_unknown_check_is_refused():
    with pytest.raises(OptionError, match="Did you mean 'exports'"):
        parametrize_with_checks(["se"], checks=["export"])
