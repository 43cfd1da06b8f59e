"""Blocks from a file of the user's, in a pickle that another process reads."""

import copy
import os
import pickle
import sys

import pytest
import torch
from torch import nn

import foveate as fv
from foveate.errors import UnknownNameError

MINE = """
import torch

class Mine(torch.nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = torch.nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        return x + self.conv(x)
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    return path


@pytest.fixture
def host(path):
    """A host with a block from a file, and a second one that is ours."""
    host = nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU(), nn.Tanh()).eval()
    fv.graft(host, f"{path}:Mine", at="0", example=(1, 3, 9, 7), start="paper")
    fv.graft(host, "se", at="1", example=(1, 3, 9, 7))
    return host


@pytest.fixture
def pickled(host, monkeypatch):
    """The host as another process gets it, which has not imported the file."""
    data = pickle.dumps(host)
    name = type(host[0].foveate.after[0].block).__module__
    monkeypatch.delitem(sys.modules, name)
    yield data
    sys.modules.pop(name, None)


def read(data):
    return pickle.loads(data)  # noqa: S301 - made in this test


def test_the_file_is_imported_where_the_pickle_is_read(host, pickled):
    x = torch.randn(1, 3, 9, 7)

    again = read(pickled)

    assert torch.equal(again(x), host(x))


def test_a_file_that_was_changed_since_is_found_all_the_same(path, pickled):
    os.utime(path, (1, 1))

    again = read(pickled)

    assert type(again[0].foveate.after[0].block).__name__ == "Mine"


def test_a_file_may_lie_in_the_working_folder_instead(
    path, pickled, tmp_path, monkeypatch
):
    (tmp_path / "elsewhere").mkdir()
    path.rename(tmp_path / "elsewhere" / "mine.py")
    monkeypatch.chdir(tmp_path / "elsewhere")

    again = read(pickled)

    assert type(again[0].foveate.after[0].block).__name__ == "Mine"


def test_a_file_that_is_gone_is_named(path, pickled):
    path.unlink()

    with pytest.raises(UnknownNameError, match=r"mine\.py, which is not there, nor"):
        read(pickled)


def test_what_was_read_can_be_pickled_again(host, pickled):
    again = read(pickle.dumps(read(pickled)))

    assert again.state_dict().keys() == host.state_dict().keys()


def test_a_copy_needs_no_file(host, path):
    path.unlink()

    copied = copy.deepcopy(host)

    assert type(copied[0].foveate.after[0].block) is type(
        host[0].foveate.after[0].block
    )
