"""What is measured, beside time."""

import pytest
import torch

import foveate as fv
from benchmarks import machine, measuring, memory, peers

SHAPE = (1, 64, 5, 7)
SETTINGS = measuring.Settings(seconds=0.0)


def test_what_is_kept_is_counted_in_copies_of_the_input(timm):
    saved = measuring.measure_saved("simam", (2, 64, 9, 7), SETTINGS)

    # x, x without its mean, the squares of that, and the gate
    assert saved.copies["textbook"] == pytest.approx(4, abs=0.1)


def test_the_peak_is_what_is_alive_at_once():
    x = torch.randn(1000)

    def call():
        first = x + 1
        second = first * 2
        del first
        return second * 3

    # two of the three at a time, 4,000 bytes each
    assert 8000 <= memory.peak_bytes(call, "cpu") < 9000


def test_the_floor_is_that_of_the_same_round():
    times = {"ours": [3.0, 6.0, 9.0], "copy": [1.0, 2.0, 1.0], "sigmoid": [9.0] * 3}

    # 1.5 copies: 3 / 1.5, 6 / 3, 9 / 1.5
    assert measuring.over_floor("se", times) == {"ours": 2.0}


def test_the_floor_of_a_full_gate_is_a_sigmoid_pass():
    times = {"ours": [2.8], "ours_compiled": [1.4], "copy": [1.0], "sigmoid": [1.4]}

    assert measuring.over_floor("simam", times) == {"ours": 2.0, "ours_compiled": 1.0}


def test_a_block_of_products_has_no_floor():
    assert measuring.over_floor("gam", {"ours": [1.0], "copy": [1.0]}) == {}


def test_a_race_has_all_that_exists_and_says_what_does_not(timm):
    race = measuring.measure_race("nam", SHAPE, "forward", SETTINGS, compiled=False)

    assert set(race.times) == {"ours", "textbook", "copy", "sigmoid"}
    assert race.left_out == {
        "timm": "has no such layer",
        "fightingcv": "has no such layer",
    }


def test_a_package_that_is_not_there_leaves_its_cell_empty(monkeypatch, timm):
    def missing(channels):
        raise ModuleNotFoundError("No module named 'fightingcv_attention'")

    monkeypatch.setitem(peers.FIGHTINGCV, "se", missing)
    race = measuring.measure_race("se", SHAPE, "training", SETTINGS, compiled=False)

    assert race.left_out == {"fightingcv": "No module named 'fightingcv_attention'"}
    assert set(race.times) == {"ours", "textbook", "timm", "copy", "sigmoid"}


def test_a_textbook_form_of_too_much_memory_is_left_out():
    shape = (32, 64, 112, 112)

    # 35 matrices of 12,544 by 12,544
    assert measuring._textbook_bytes("soca", shape) == 4 * 35 * 12544**2
    assert measuring.too_large("soca", shape)
    assert not measuring.too_large("soca", (8, 256, 56, 56))


@pytest.mark.parametrize("name", peers.TIMM)
def test_the_layer_of_timm_is_as_large_as_ours(name, timm):
    layer = peers.TIMM[name](256)
    ours = fv.create(name, 256)

    sizes = [sum(p.numel() for p in block.parameters()) for block in (layer, ours)]

    assert sizes[0] == sizes[1]


@pytest.mark.parametrize("name", peers.FIGHTINGCV)
def test_the_layer_of_fightingcv_keeps_the_shape(name):
    pytest.importorskip("fightingcv_attention")
    x = torch.randn(2, 64, 9, 7)

    assert peers.FIGHTINGCV[name](64)(x).shape == x.shape


def test_the_watch_of_a_processor_counts_milliseconds(monkeypatch):
    seconds = iter([1.0, 1.25])
    monkeypatch.setattr(machine, "perf_counter", lambda: next(seconds))

    assert machine.stopwatch("cpu")(lambda: None) == 250.0


def test_a_machine_names_the_versions_that_numbers_depend_on():
    found = machine.describe("cpu", torch.float32, kept=True)

    assert {"python", "torch"} <= set(found.versions)
    assert (found.dtype, found.memory) == ("float32", "kept")
