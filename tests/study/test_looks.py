"""Looking at the trained networks of a comparison, end to end and gone wrong."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import foveate
from foveate.errors import OptionError, RecordError, RunError
from foveate.explain.localising import localise
from foveate.records import Recipe
from foveate.study import (
    codebase,
    compare,
    look,
    look_files,
    look_keys,
    look_runs,
    looks,
    open_comparison,
)
from foveate.study.digit_scenes import load
from foveate.study.folders import Folder
from foveate.study.training import train

# each of them looks at a comparison that was trained for them
pytestmark = pytest.mark.slow

RECIPE = Recipe.model_validate(
    {
        "name": "tiny",
        "data": {"image_size": 24, "train_images": 32, "test_images": 9},
        "host": {"name": "resnet10", "width": 8, "stem": "half"},
        "blocks": ["se"],
        "training": {"epochs": 1, "batch_size": 16},
        "seeds": [0, 1],
    }
)


class Here:
    """Train in this process."""

    def execute(self, runs, folder, listen):
        for run in runs:
            folder.save(run, train(run), load(run.data).test.labels)


class Nobody:
    def execute(self, runs, folder, listen):
        raise AssertionError([run.title for run in runs])


def refuse(*_, **__):
    raise ValueError("no\nmaps  today")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a comparison that was looked at."""
    folder = tmp_path_factory.mktemp("looked")
    compare(RECIPE, folder=folder, executor=Here(), progress=False)
    return folder


@pytest.fixture
def folder(finished, tmp_path):
    """A copy of it."""
    return Path(shutil.copytree(finished, tmp_path / "copy"))


def test_a_comparison_says_where_its_networks_look(finished):
    seen = open_comparison(finished).looks

    assert seen.rows[0].label == "plain"
    assert {row.label for row in seen.rows} == {"plain", "se"}
    assert (seen.method, seen.images, seen.removed) == ("layercam", 9, 9)
    assert seen.layer in seen.reason
    assert (seen.problem, seen.unseen) == ("", ())
    assert set(seen.random.score("energy").values) == {0, 1}
    assert seen.random.score("road") is None


def test_its_energy_is_that_of_the_maps_that_are_kept(finished):
    home = Folder(finished)
    run = home.load_grid().runs[0]
    test = load(run.data).test
    with np.load(home.looks / "layercam" / f"{home.of(run).name}.npz") as kept:
        heats = kept["heats"]

    score = open_comparison(finished).looks.row("plain").score("energy")

    want = localise(heats, test.boxes, size=(24, 24))
    assert score.values[0] == pytest.approx(want.scores["energy"].mean())


def test_the_gallery_has_a_picture_for_each_network_and_says_what_is_in_it(finished):
    gallery = open_comparison(finished).looks.gallery
    first = gallery.rows[0]

    assert gallery.labels[0] == "plain"
    assert [len(row.cells) for row in gallery.rows] == [2] * len(gallery.rows)
    assert (first.image, first.truth, first.why) == (0, "0", "first")
    with Image.open(finished / first.cells[0].picture) as picture:
        assert picture.size == (120, 120)
    probabilities = np.load(next(finished.glob("plain-seed0-*")) / "predictions.npz")[
        "probabilities"
    ][0]
    assert first.cells[0].predicted == str(probabilities.argmax())
    assert first.cells[0].probability == pytest.approx(probabilities.max())


def test_looking_again_makes_no_map_again(folder, monkeypatch):
    before = open_comparison(folder).looks
    monkeypatch.setattr(look_runs, "_see", refuse)

    again = look(folder, progress=False)

    assert again.rows == before.rows


def test_a_change_of_the_code_that_looks_trains_nothing_and_hides_what_was_seen(
    folder, monkeypatch
):
    for module in (look_keys, look_files):
        monkeypatch.setattr(module, "look_digest", lambda: "another")

    stale = open_comparison(folder).looks
    fresh = compare(RECIPE, folder=folder, executor=Nobody(), progress=False).looks

    assert "another version of foveate" in stale.problem
    assert stale.rows == ()
    assert fresh.problem == ""


def test_the_code_that_looks_counts_in_no_key_of_a_run():
    root = Path(foveate.__path__[0])
    trains = {
        file
        for pattern in (
            *codebase.SOURCES,
            *codebase.HOST_SOURCES,
            *codebase.GRAFT_SOURCES,
        )
        for file in root.glob(pattern)
    }

    looking = {file for pattern in look_keys.SOURCES for file in root.glob(pattern)}

    assert looking & trains == set()


def test_a_run_without_weights_is_named_and_hides_no_other(folder):
    shutil.rmtree(folder / "looks")
    next(folder.glob("se-seed1-*/weights.pt")).unlink()

    seen = look(folder, progress=False)

    assert [one.title for one in seen.unseen] == ["se, seed 1"]
    assert "weights.pt is gone" in seen.unseen[0].reason
    assert set(seen.row("se").score("energy").values) == {0}


def test_random_weights_that_cannot_be_looked_at_hide_no_run(folder, monkeypatch):
    monkeypatch.setattr(looks, "see_random", refuse)

    seen = look(folder, progress=False)

    assert set(seen.row("plain").score("energy").values) == {0, 1}
    assert seen.row("plain").score("energy").over_random is None
    assert [one.title for one in seen.unseen] == [
        "random weights, seed 0",
        "random weights, seed 1",
    ]
    assert seen.unseen[0].reason == "ValueError: no maps today"
    assert seen.random is None


def test_what_goes_wrong_in_looking_is_said_and_breaks_no_comparison(
    folder, monkeypatch
):
    monkeypatch.setattr(looks, "find_way", refuse)

    found = compare(RECIPE, folder=folder, executor=Nobody(), progress=False)

    assert found.looks.problem == "ValueError: no maps today"
    assert [row.label for row in found.rows if row.label == "plain"] == ["plain"]
    assert "not looked at" in found.report(folder / "report.html").read_text()


def test_a_comparison_may_be_told_not_to_look(folder):
    shutil.rmtree(folder / "looks")

    found = compare(
        RECIPE, folder=folder, executor=Nobody(), look=False, progress=False
    )

    assert found.looks is None


def test_the_method_the_layer_and_the_number_of_images_may_be_chosen(folder):
    seen = look(folder, cam="gradcam", target_layers="layer3", images=4, progress=False)

    assert (seen.method, seen.layer, seen.images, seen.removed) == (
        "gradcam",
        "layer3",
        4,
        4,
    )
    assert open_comparison(folder).looks.method == "gradcam"


def test_saliency_needs_no_layer(folder):
    seen = look(folder, cam="saliency", images=4, progress=False)

    assert seen.layer == "the input"
    assert seen.unseen == ()


def test_a_damaged_file_of_maps_is_made_anew(folder):
    file = next(folder.glob("looks/layercam/plain-seed0-*.npz"))
    file.write_bytes(file.read_bytes()[:100])

    again = look(folder, progress=False)

    assert again.unseen == ()


def test_a_damaged_file_of_looks_is_said(folder):
    (folder / "looks" / "looks.json").write_text(json.dumps({"rows": 3}))

    assert "Look again: foveate look" in open_comparison(folder).looks.problem


def test_there_is_nothing_to_look_at_without_a_run_of_the_plain_host(folder):
    for run in folder.glob("plain-*"):
        shutil.rmtree(run)

    with pytest.raises(RunError, match="no run of the plain host has finished"):
        look(folder, progress=False)


def test_a_folder_without_a_comparison_is_refused(tmp_path):
    with pytest.raises(RecordError, match=r"cannot read .*grid\.json"):
        look(tmp_path, progress=False)


@pytest.mark.parametrize(
    ("values", "says"),
    [({"cam": "heat"}, "cam cannot be 'heat'"), ({"images": 0}, "images must be")],
)
def test_a_value_that_cannot_work_is_named(folder, values, says):
    with pytest.raises(OptionError, match=says):
        look(folder, progress=False, **values)


def test_a_run_that_was_trained_anew_is_looked_at_anew(folder):
    home = Folder(folder)
    run = home.load_grid().runs[0]
    result = home.of(run) / "result.json"
    told = json.loads(result.read_text())
    result.write_text(json.dumps({**told, "seconds": told["seconds"] + 1}))

    stale = open_comparison(folder).looks

    assert "in other runs" in stale.problem
    assert look(folder, progress=False).problem == ""
    assert open_comparison(folder).looks.problem == ""


def test_one_image_is_too_few(folder):
    with pytest.raises(OptionError, match="images must be 2 or more, got 1"):
        look(folder, images=1, progress=False)


def test_looking_that_cannot_even_be_written_down_does_not_break_a_comparison(tmp_path):
    (tmp_path / "looks").write_text("a file in the way")

    summary = compare(RECIPE, folder=tmp_path, executor=Here(), progress=False)

    assert len(summary.rows) == 2
    assert summary.looks is None
