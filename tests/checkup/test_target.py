"""How a block is found and built."""

import os
import re
import sys
from functools import partial

import pytest
from torch import nn

from foveate.checkup import Target
from foveate.checkup._patient import Patient
from foveate.checkup._target import find
from foveate.errors import FoveateError, OptionError, UnknownNameError

BLOCKS = """
from torch import nn

class Gate(nn.Module):
    def __init__(self, channels, reduction=4):
        super().__init__()
        self.fc = nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        return x * self.fc(x).sigmoid()
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "my_blocks.py"
    path.write_text(BLOCKS)
    return path


class Any(nn.Module):
    """A block of which only the constructor matters."""


class Channels(Any):
    def __init__(self, channels, reduction=16):
        super().__init__()


class OddName(Any):
    def __init__(self, nf):
        super().__init__()


class WithDefault(Any):
    def __init__(self, in_planes=512, ratio=16):
        super().__init__()


class InAndOut(Any):
    def __init__(self, c1, c2, shortcut=True):
        super().__init__()


class NoChannels(Any):
    def __init__(self, kernel_size=7):
        super().__init__()


class OnlyByName(Any):
    def __init__(self, *, channels=8):
        super().__init__()


class Nothing(Any):
    pass


def anything(*arguments, **options):
    return Nothing()


@pytest.mark.parametrize(
    ("block", "options", "built"),
    [
        (Channels, {}, "Channels(8)"),
        (Channels, {"reduction": 4}, "Channels(8, reduction=4)"),
        (Channels, {"channels": 4}, "Channels(channels=4)"),
        (OddName, {}, "OddName(8)"),
        (WithDefault, {}, "WithDefault(8)"),
        (InAndOut, {}, "InAndOut(8, 8)"),
        (NoChannels, {}, "NoChannels()"),
        (NoChannels, {"kernel_size": 3}, "NoChannels(kernel_size=3)"),
        (OnlyByName, {"channels": 8}, "OnlyByName(channels=8)"),
        (Nothing, {}, "Nothing()"),
        (anything, {}, "anything(8)"),
        (partial(Channels, reduction=2), {}, "Channels(8)"),
        ("se", {"reduction": 4}, "se(8, reduction=4)"),
        ("s2.mean", {}, "s2.mean(8)"),
        ("joint_cbam", {}, "joint_cbam(8, spatial_size=(16, 12))"),
        ("torch.nn:BatchNorm2d", {}, "BatchNorm2d(8)"),
    ],
)
def test_says_how_it_was_built(block, options, built):
    assert Patient(Target(block, channels=8, options=options)).built == built


def test_a_sized_block_is_built_for_the_size_that_is_given():
    patient = Patient(Target("joint_cbam", channels=8, size=(5, 7)))

    assert patient.size == (5, 7)
    assert patient.built == "joint_cbam(8, spatial_size=(5, 7))"


def test_reads_from_our_blocks_what_they_declare():
    fusion = Patient(Target("concat", channels=8))
    pooled = Patient(Target("sk", channels=32))

    assert (fusion.inputs, fusion.training_batch, fusion.size) == (2, 1, None)
    assert (pooled.inputs, pooled.training_batch, pooled.batch) == (1, 2, 2)


def test_three_inputs_of_a_fusion_of_ours_are_an_option_of_it():
    patient = Patient(Target("add", channels=8, options={"num_inputs": 3}))

    assert patient.inputs == 3


def test_finds_a_class_in_a_file(file):
    assert find(Target(f"{file}:Gate")).name == "Gate"


def test_a_file_that_is_named_twice_is_loaded_once(file):
    first, second = find(Target(f"{file}:Gate")), find(Target(f"{file}:Gate"))

    assert first.call is second.call


def test_a_file_that_has_changed_is_loaded_again(file):
    first = find(Target(f"{file}:Gate"))
    os.utime(file, ns=(1, 1))

    assert find(Target(f"{file}:Gate")).call is not first.call


def test_a_file_finds_the_modules_beside_it(file):
    user = file.with_name("user.py")
    user.write_text("from my_blocks import Gate\n")
    path = list(sys.path)

    assert find(Target(f"{user}:Gate")).name == "Gate"
    assert sys.path == path


def test_finds_a_class_in_a_module_of_the_folder(file, monkeypatch):
    monkeypatch.chdir(file.parent)

    assert find(Target("my_blocks:Gate")).name == "Gate"


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (
            "cbm",
            UnknownNameError,
            "Did you mean 'cbam'? A class of your own is written",
        ),
        ("torch.nn:Conv2", UnknownNameError, "no 'Conv2' in torch.nn. Did you mean"),
        ("no_such_module:Gate", UnknownNameError, "No module named 'no_such_module'"),
        ("nowhere.py:Gate", UnknownNameError, "no file nowhere.py."),
        ("broken.py:Gate", OptionError, "cannot import broken.py: SyntaxError"),
        ("failing.py:Gate", OptionError, "RuntimeError: not today (at failing.py:2)"),
        (
            "my_blocks.py:Gat",
            UnknownNameError,
            "no 'Gat' in my_blocks.py. Known: Gate.",
        ),
    ],
)
def test_says_what_cannot_be_found_or_imported(text, error, message, file, monkeypatch):
    monkeypatch.chdir(file.parent)
    (file.parent / "broken.py").write_text("class Gate(:\n")
    (file.parent / "failing.py").write_text("\nraise RuntimeError('not today')\n")

    with pytest.raises(error, match=re.escape(message)):
        find(Target(text))


def forgets(channels):
    return None


def breaks(channels):
    raise KeyError(channels)


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (nn.Identity(), "takes the class Identity and not one of its objects"),
        (3, "must be a class, a function that returns a block, or a name"),
        (forgets, "forgets(64) returns a NoneType, not an nn.Module"),
        (breaks, "breaks(64) cannot be built: KeyError: 64 (at "),
        (nn.MultiheadAttention, "missing 1 required positional argument: 'num_heads'"),
    ],
)
def test_says_what_cannot_be_built(block, message):
    with pytest.raises(OptionError, match=re.escape(message)):
        Patient(Target(block))


@pytest.mark.parametrize(
    "told", [{"channels": 0}, {"inputs": 0}, {"training_batch": -1}]
)
def test_refuses_numbers_below_one(told):
    with pytest.raises(FoveateError, match="must be greater than 0"):
        Target("se", **told)


@pytest.mark.parametrize("size", [(0, 4), (4,), 7, (4.0, 4), "16x12"])
def test_refuses_what_is_no_size(size):
    with pytest.raises(OptionError, match=r"size must be \(H, W\), two whole numbers"):
        Target("se", size=size)
