"""``foveate look``."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import foveate as fv
from foveate.cli import _looks

MODEL = ("resnet10", "--set", "width=16", "--set", "num_classes=5")


@pytest.fixture
def photographs(tmp_path):
    rng = np.random.default_rng(0)
    paths = [tmp_path / "one.png", tmp_path / "two.jpg"]
    for path in paths:
        Image.fromarray(rng.integers(0, 255, (60, 90, 3), np.uint8)).save(path)
    return [str(path) for path in paths]


def test_it_writes_a_grid_overlays_and_numbers(foveate, photographs, tmp_path):
    out = tmp_path / "out"

    done = foveate("look", *MODEL, *photographs, "--out", str(out))

    assert done.code == 0
    assert "one.png: layercam at layer4 for class" in done.out
    assert {path.name for path in out.iterdir()} == {
        "grid.png",
        "grid.svg",
        "maps.json",
        "maps.npz",
        "overlays",
    }
    assert len(list((out / "overlays").iterdir())) == 2


def test_it_says_that_the_weights_are_random(foveate, photographs, tmp_path):
    done = foveate("look", *MODEL, photographs[0], "--out", str(tmp_path / "out"))

    assert "resnet10 has random weights" in done.err


def test_weights_are_loaded_and_then_nothing_is_said(foveate, photographs, tmp_path):
    model = fv.backbones.resnet10(width=16, num_classes=5)
    torch.nn.init.constant_(model.fc.bias, 0)
    model.fc.bias.data[4] = 100.0
    torch.save(model.state_dict(), tmp_path / "w.pt")

    words = (photographs[0], "--weights", str(tmp_path / "w.pt"))
    done = foveate("look", *MODEL, *words, "--out", str(tmp_path / "out"))

    assert "random weights" not in done.err
    assert "for class 4 (1.00)" in done.out


def test_weights_of_a_grafted_network_bring_its_blocks(foveate, photographs, tmp_path):
    model = fv.backbones.resnet10(width=16, num_classes=5)
    fv.graft(model, "cbam", at="layer4", example=(1, 3, 64, 64), start="paper")
    fv.save(model, tmp_path / "w.safetensors")

    words = (photographs[0], "--weights", str(tmp_path / "w.safetensors"), "--blocks")
    done = foveate("look", *MODEL, *words, "--out", str(tmp_path / "out"))

    assert done.code == 0
    assert "spatial at after layer4" in done.out
    assert (tmp_path / "out/channels.csv").exists()


def test_what_cannot_be_read_has_a_line_each_and_the_others_are_seen(
    foveate, photographs, tmp_path
):
    zipped = tmp_path / "zip.png"
    zipped.write_bytes(b"PK\x03\x04")
    bad = (str(zipped), str(tmp_path), str(tmp_path / "none.png"))

    words = (bad[0], photographs[0], *bad[1:], "--out", str(tmp_path / "out"))
    done = foveate("look", *MODEL, *words)

    lines = [one for one in done.err.splitlines() if f"foveate: {tmp_path}" in one]
    assert done.code == 1
    assert len(lines) == 3
    assert "one.png: layercam" in done.out


def test_if_nothing_can_be_read_nothing_is_written(foveate, tmp_path):
    out = tmp_path / "out"

    done = foveate("look", *MODEL, str(tmp_path / "a.png"), "b.png", "--out", str(out))

    assert done.code == 1
    assert done.err.count("there is no such file") == 2
    assert not out.exists()


def test_json_goes_to_the_output_alone(foveate, photographs, tmp_path):
    words = ("--json", "--formats", "json", "--out", str(tmp_path / "out"))

    done = foveate("look", *MODEL, photographs[0], *words)

    told = json.loads(done.out)["resnet10"]
    assert told["images"][0]["maps"][0]["source"] == "layercam"
    assert told == json.loads((tmp_path / "out/maps.json").read_text())


def test_a_target_a_layer_a_method_and_a_size_are_taken(foveate, photographs, tmp_path):
    words = (
        "--target",
        "3",
        "--layer",
        "layer3",
        "--cam",
        "gradcam",
        "--size",
        "64x96",
    )

    done = foveate("look", *MODEL, photographs[0], *words, "--out", str(tmp_path / "o"))

    assert "gradcam at layer3 for class 3" in done.out
    assert "64x96" in done.out


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("resnet10",), 2, "which images?"),
        (("runs/quikstart",), 2, "is not the folder of"),
        (("{runs}", "--weights", "w.pt"), 2, "is a folder of runs"),
        (("{runs}", "--blocks", "--query", "1,1"), 2, "--blocks, --query: of images"),
        (("{runs}", "--click"), 2, "--click: of images"),
        (("{runs}", "--formats", "png"), 2, "--formats: of images"),
        (("{runs}", "--cam", "none"), 2, "are looked at by a --cam"),
        (("resnet10", "a.png", "--click"), 2, "give --blocks too"),
        (("resnet10", "a.png", "--query", "1,1"), 2, "--query is about blocks"),
        (("resnet10", "a.png", "--cam", "none"), 2, "--cam none is about blocks"),
        (("resnet10", "a.png", "--out", "{one}"), 2, "is a file"),
        (("resnet10", "a.png", "--blocks", "--query", "1"), 2, "--query is written"),
        (("resnet10", "a.png", "--cam", "gradcan"), 2, "gradcan"),
        (("resnet9", "a.png"), 1, "no backbone named 'resnet9'"),
        ((*MODEL, "{one}", "--target", "9"), 1, "9"),
        ((*MODEL, "{one}", "--target", "-1"), 1, "no class -1"),
        ((*MODEL, "{one}", "--formats", "gif"), 1, "'gif'"),
        ((*MODEL, "{one}", "--layer", "nothing"), 1, "nothing"),
    ],
)
def test_what_cannot_work_is_refused(foveate, photographs, words, code, message):
    runs = Path(photographs[0]).parent / "runs"
    runs.mkdir()
    (runs / "grid.json").touch()

    named = (word.format(one=photographs[0], runs=runs) for word in words)
    done = foveate("look", *named)

    assert done.code == code
    assert message in done.said


def test_a_folder_that_holds_no_comparison_is_refused(foveate, tmp_path):
    done = foveate("look", str(tmp_path), "a.png")

    assert done.code == 1
    assert "neither a network nor the folder of a comparison" in done.err


def test_a_folder_with_the_name_of_a_network_does_not_hide_it(
    foveate, photographs, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)

    first = foveate("look", *MODEL, photographs[0], "--out", "resnet10")
    second = foveate("look", *MODEL, photographs[0], "--out", "resnet10")

    assert (first.code, second.code) == (0, 0)


def test_of_a_network_that_the_user_made_no_weights_are_called_random(
    foveate, photographs, tmp_path
):
    code = "import foveate as fv\n\ntrained = fv.backbones.resnet10(width=16)\n"
    (tmp_path / "mine.py").write_text(code)

    words = (f"{tmp_path}/mine.py:trained", photographs[0], "--out", f"{tmp_path}/out")
    done = foveate("look", *words)

    assert done.code == 0
    assert "random" not in done.err


@pytest.mark.parametrize(
    ("name", "random"),
    [
        ("resnet18", True),
        ("timm:resnet18", True),
        ("ultralytics:yolo11n.yaml", True),
        ("ultralytics:best.pt", False),
        ("mine.py:trained", False),
    ],
)
def test_weights_are_called_random_where_that_is_known(name, random):
    assert _looks.is_random(name) is random


def test_it_says_that_there_is_no_page_where_no_block_is_pairwise(
    foveate, photographs, tmp_path
):
    words = (photographs[0], "--blocks", "--click", "--out", str(tmp_path / "out"))

    done = foveate("look", *MODEL, "--set", "attention=se", *words)

    assert done.code == 0
    assert "no block is pairwise" in done.err


def test_what_cannot_be_read_is_said_once(foveate, photographs, tmp_path):
    done = foveate("look", *MODEL, photographs[0], "no.png", "--out", f"{tmp_path}/out")

    assert done.said.count("no.png") == 1
