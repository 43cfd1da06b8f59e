"""``foveate doctor`` as a person uses it."""

import json
import subprocess
import sys

import pytest

from foveate.checkup import CHECKS

START = "import foveate.cli as c; c.main()"

BLOCKS = """
from torch import nn


class Batch(nn.Module):
    def __init__(self, channels, reduction=4):
        super().__init__()
        self.fc = nn.Conv2d(channels, channels, 1)
        self.reduction = reduction

    def forward(self, x):
        return x * self.fc(x).softmax(dim=0)


class Sum(nn.Module):
    def forward(self, x, z):
        print("here")
        return x + z
"""


@pytest.fixture
def foveate(tmp_path):
    (tmp_path / "mine.py").write_text(BLOCKS)

    def run(*words):
        return subprocess.run(
            [sys.executable, "-W", "error", "-c", START, "doctor", *words],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )

    return run


@pytest.mark.slow
def test_a_healthy_block_ends_with_0(foveate):
    done = foveate("simam", "--channels", "8", "--only", "any_size")

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("simam(8), one map of (B, 8, H, W), PyTorch ")
    assert "passed   any_size  Takes maps of any size" in done.stdout
    assert done.stdout.endswith("\n1 passed, 0 failed, 0 not run\n")
    assert done.stderr == ""


@pytest.mark.slow
def test_a_sick_block_ends_with_1_cause_and_cure(foveate):
    done = foveate("mine.py:Batch", "--option", "reduction=8", "--channels", "8")

    assert done.returncode == 1
    assert done.stderr == ""
    assert done.stdout.startswith("Batch(8, reduction=8)")
    assert "failed   images_are_independent" in done.stdout
    assert "Cause  Its answer to an image depends on the others" in done.stdout
    assert "Cure   Name the axis: softmax(dim=1)" in done.stdout
    assert ", 1 failed, " in done.stdout


@pytest.mark.slow
def test_takes_a_fusion_and_prints_json(foveate):
    done = foveate("mine:Sum", "--inputs", "2", "--only", "prints_nothing", "--json")

    diagnosis = json.loads(done.stdout)
    assert done.returncode == 1
    assert diagnosis["inputs"] == 2
    assert diagnosis["findings"][0]["outcome"] == "failed"
    assert "'here'" in diagnosis["findings"][0]["demonstration"][0]


@pytest.mark.slow
def test_takes_a_size_and_the_fewest_images(foveate):
    words = ("--size", "5x7", "--training-batch", "2", "--only", "tiny_maps")

    done = foveate("joint_cbam", *words, "--only", "one_image_in_training")

    assert done.returncode == 0
    assert "It takes only maps of 5x7." in done.stdout
    assert "It takes at least 2 images in training" in done.stdout


@pytest.mark.slow
def test_lists_the_checks(foveate):
    done = foveate("--list")

    assert done.returncode == 0
    for check in CHECKS:
        assert f" {check.name} " in done.stdout
        assert check.title in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([], 2, "name what to examine, such as my_blocks.py:MyBlock."),
        (["cbm"], 1, "no block named 'cbm'. Did you mean 'cbam'?"),
        (["none.py:A"], 1, "no file none.py."),
        (["mine.py:Bach"], 1, "no 'Bach' in mine.py. Did you mean"),
        (["none:A"], 1, "cannot import none: No module named 'none'."),
        (["se", "--option", "reduction=0"], 1, "reduction must be greater than 0"),
        (["se", "--option", "reduction"], 2, "--option is written NAME=VALUE"),
        (["se", "--option", "a=["], 2, "the value of a is not YAML: '['."),
        (["se", "--size", "16"], 2, "--size is written HxW, such as 16x12, got '16'."),
        (
            ["se", "--size", "0x4"],
            1,
            "size must be (H, W), two whole numbers greater than 0",
        ),
        (["se", "--only", "any"], 1, "check cannot be 'any'."),
        (["se", "--channels", "0"], 2, "greater than or equal to 1"),
    ],
)
def test_a_mistake_is_one_clear_message_and_an_exit_code(words, code, message, foveate):
    done = foveate(*words)

    said = " ".join(done.stderr.replace("│", " ").split())
    assert done.returncode == code
    assert message in said
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
