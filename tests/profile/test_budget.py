"""Warnings before something takes more memory than it may."""

import re
import warnings
from typing import ClassVar

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor

from foveate.errors import CostWarning, OptionError
from foveate.profile import budget, free_bytes, warn_if_over

SHAPE = (2, 3, 7, 5)
MAP = 2 * 3 * 7 * 5 * 4


class Pairwise(nn.Module):
    """Weighs each place by all places: holds the square of their number."""

    ran_with: ClassVar[set[type]] = set()

    def __init__(self, channels):
        super().__init__()
        self.channels = channels

    def forward(self, x):
        self.ran_with.add(type(x))
        places = x.flatten(2)
        weights = (places.transpose(1, 2) @ places).softmax(dim=2)
        return (places @ weights).view_as(x)


def test_what_is_over_the_budget_is_said_with_what_would_help():
    words = (
        "Sigmoid on (2, 3, 7, 5) would hold 840 bytes at once, more than the budget of "
        "839 bytes. Less is held by a smaller map or batch, a later stage of the host, "
        "or, where the block has one, a larger reduction; budget_bytes= allows more."
    )

    with pytest.warns(CostWarning, match=f"^{re.escape(words)}$") as seen:
        warn_if_over(nn.Sigmoid(), SHAPE, budget_bytes=MAP - 1)

    assert seen[0].filename == __file__


def test_what_fits_exactly_is_said_of_nothing():
    assert warn_if_over(nn.Sigmoid(), SHAPE, budget_bytes=MAP).peak_bytes == MAP


def test_a_pairwise_block_is_warned_of_without_a_run():
    block = Pairwise(64)

    with pytest.warns(CostWarning, match=r"Pairwise.* would hold 8.0 TiB at once"):
        found = warn_if_over(block, (16, 64, 512, 512), budget_bytes=2**30)

    # logits and weights of 16 images, each of the square of 2 ** 18 places
    assert found.peak_bytes == 2 * 16 * 2**36 * 4
    assert Pairwise.ran_with <= {FakeTensor}


def test_training_counts_what_is_kept_for_it():
    model = nn.Sequential(nn.Sigmoid(), nn.Sigmoid(), nn.Sigmoid())

    quiet = warn_if_over(model, SHAPE, budget_bytes=2 * MAP)
    with pytest.warns(CostWarning, match=r"would hold 2.5 KiB"):
        found = warn_if_over(model, SHAPE, budget_bytes=2 * MAP, training=True)

    assert found == quiet
    assert (found.peak_bytes, found.saved_bytes) == (2 * MAP, 3 * MAP)


def test_without_a_budget_it_is_half_of_what_is_free(monkeypatch):
    monkeypatch.setattr(budget, "free_bytes", lambda _: 2 * MAP - 2)

    with pytest.warns(CostWarning, match=r"839 bytes, half of what is free on cpu\."):
        warn_if_over(nn.Sigmoid(), SHAPE)


def test_without_a_budget_nothing_is_said_where_the_system_says_nothing(monkeypatch):
    monkeypatch.setattr(budget, "free_bytes", lambda _: None)

    assert warn_if_over(nn.Sigmoid(), SHAPE).peak_bytes == MAP


def test_what_cannot_be_told_without_a_run_is_none():
    class Choosing(nn.Module):
        def forward(self, x):
            return x + 1 if bool(x.sum() >= 0) else x

    assert warn_if_over(Choosing(), SHAPE, budget_bytes=1) is None


def test_the_free_memory_of_a_container_is_its_limit_less_what_it_has(
    monkeypatch, tmp_path
):
    monkeypatch.setattr(budget, "CONTAINER", tmp_path)
    (tmp_path / "memory.max").write_text("5000\n")
    (tmp_path / "memory.current").write_text("2000\n")

    assert free_bytes("cpu") == 3000


def test_a_container_without_a_limit_has_what_the_system_has(monkeypatch, tmp_path):
    monkeypatch.setattr(budget, "CONTAINER", tmp_path)
    (tmp_path / "memory.max").write_text("max\n")

    assert free_bytes(torch.device("cpu")) > 0


def test_a_warning_can_be_silenced():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CostWarning)

        assert warn_if_over(nn.Sigmoid(), SHAPE, budget_bytes=1).peak_bytes == MAP


def test_a_shape_that_is_none_is_refused():
    with pytest.raises(OptionError, match=r"^warn_if_over: a shape must be"):
        warn_if_over(nn.ReLU(), (3, 7))
