"""Networks of ours and of the user, by name."""

import re

import pytest
import torch
from torch import nn

from foveate import backbones, hosts
from foveate.errors import OptionError, UnknownNameError, UnknownOptionError

NETWORKS = """
from functools import partial

from torch import nn


class Net(nn.Module):
    def __init__(self, channels=4, depth=1):
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(3, channels, 1) for _ in range(depth))


class NoConstructor(nn.Module):
    pass


def needs(channels):
    return Net(channels)


def forgets(channels=4):
    Net(channels)


def breaks(channels=4):
    return nn.Conv2d(3, channels, groups=2, kernel_size=1)


deep = partial(Net, depth=3)
ready = Net(5)
NUMBER = 3
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "networks.py"
    path.write_text(NETWORKS)
    monkeypatch.chdir(tmp_path)
    return path


def widths(model):
    return [layer.out_channels for layer in model.layers]


def test_a_plain_name_is_a_network_of_ours():
    model = hosts.load("resnet10_fpn", width=16, num_classes=5)

    assert isinstance(model, backbones.Pyramid)


@pytest.mark.parametrize(
    ("name", "options", "made"),
    [
        ("networks.py:Net", {}, [4]),
        ("networks.py:Net", {"channels": 6, "depth": 2}, [6, 6]),
        ("networks.py:needs", {"channels": 7}, [7]),
        ("networks.py:deep", {"channels": 2}, [2, 2, 2]),
        ("networks.py:ready", {}, [5]),
        ("networks:Net", {"channels": 8}, [8]),
    ],
)
def test_makes_what_a_file_or_module_holds(name, options, made, file):
    assert widths(hosts.load(name, **options)) == made


def test_finds_a_file_by_its_full_path(file):
    assert widths(hosts.load(f"{file}:Net")) == [4]


def test_a_network_that_stands_in_a_file_is_copied(file):
    first = hosts.load("networks.py:ready")
    with torch.no_grad():
        first.layers[0].weight.zero_()

    second = hosts.load("networks.py:ready")

    assert second.layers[0].weight.abs().sum() > 0


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resnet1", "no backbone named 'resnet1'. Did you mean 'resnet18'"),
        ("mobilenet", "A network of another library is written timm:resnet50"),
        ("networks.py", "names a file and nothing in it. Write networks.py:NAME"),
        ("nowhere.py:Net", "no file nowhere.py."),
        ("networks.py:dep", "no 'dep' in networks.py. Did you mean 'deep'?"),
        (
            "networks.py:model",
            "Known: Net, NoConstructor, breaks, deep, forgets, needs",
        ),
        ("no.such.module:Net", "No module named 'no'"),
        ("tim:resnet18", "No module named 'tim'. Did you mean 'timm:resnet18'?"),
    ],
)
def test_says_what_has_no_such_name(name, message, file):
    with pytest.raises(UnknownNameError, match=re.escape(message)):
        hosts.load(name)


def test_an_unknown_block_of_a_network_of_ours_is_not_taken_for_the_network():
    with pytest.raises(UnknownNameError, match=r"'sse'.*Did you mean 'se'.*\?$"):
        hosts.load("resnet10", attention="sse")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resnet10", "resnet10 has no option 'chanels'"),
        (
            "networks.py:Net",
            "networks.py:Net has no option 'chanels'. Did you mean 'channels'?",
        ),
        ("networks.py:deep", "has no option 'chanels'. Did you mean 'channels'?"),
        (
            "networks.py:NoConstructor",
            "networks.py:NoConstructor has no option 'chanels': ",
        ),
        (
            "networks.py:ready",
            "networks.py:ready is a network already and takes no options, got chanels. "
            "Name its class, or a function that returns it.",
        ),
    ],
)
def test_an_option_that_does_not_exist_is_named(name, message, file):
    with pytest.raises(UnknownOptionError, match=re.escape(message)):
        hosts.load(name, chanels=8)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("networks.py:forgets", "returns a NoneType, not an nn.Module. Name a class"),
        (
            "networks.py:breaks",
            "networks.py:breaks cannot be built: ValueError: in_channels must be "
            "divisible by groups (at networks.py:26).",
        ),
        (
            "networks.py:needs",
            "cannot be built: TypeError: needs() missing 1 required positional "
            "argument: 'channels'.",
        ),
        (
            "networks.py:NUMBER",
            "networks.py:NUMBER is of type int. Name a class, a function",
        ),
    ],
)
def test_says_what_cannot_be_built(name, message, file):
    with pytest.raises(OptionError, match=re.escape(message)):
        hosts.load(name)


def test_a_script_that_ends_the_program_is_no_end_of_ours(tmp_path):
    script = tmp_path / "train.py"
    script.write_text("import sys\n\nsys.exit(2)\n")

    with pytest.raises(OptionError, match=r"SystemExit: 2 \(at .*train\.py:3\)"):
        hosts.load(f"{script}:Net")


def test_a_network_is_no_name():
    with pytest.raises(OptionError, match="the name must be text, got a Identity"):
        hosts.load(nn.Identity())
