"""The main job end to end, in processes of this machine, and what can go wrong."""

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from foveate.errors import BusyError, MissingExtraError
from foveate.study import Folder, LocalProcesses, compare, grid
from foveate.study import executor as executor_module

SCRIPT = """
import sys
import foveate as fv
one = fv.study.LocalProcesses(workers=1)
fv.compare(sys.argv[1], folder=sys.argv[2], executor=one)
"""


WHOLE = "[!.]*-seed*/result.json"
"""The results of folders that are whole: those half written begin with a dot."""


class NobodyTrains:
    def execute(self, runs, folder, listen):
        raise AssertionError([run.title for run in runs])


def scores(summary):
    return {row.label: row.scores for row in summary.rows}


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A comparison that ran undisturbed, and its folder."""
    from foveate.records import Recipe

    folder = tmp_path_factory.mktemp("finished")
    recipe = Recipe.model_validate(
        {
            "name": "tiny",
            "data": {"image_size": 24, "train_images": 32, "test_images": 20},
            "host": {"name": "resnet10", "width": 8, "stem": "half"},
            "blocks": ["se", "cbam"],
            "training": {"epochs": 2, "batch_size": 16},
            "seeds": [0, 1],
        }
    )
    return compare(recipe, folder=folder, progress=False), recipe, folder


def test_every_run_has_a_folder_that_says_all(finished):
    _, recipe, folder = finished
    run = grid(recipe).runs[1]
    home = Folder(folder).of(run)

    predictions = np.load(home / "predictions.npz")
    weights = torch.load(home / "weights.pt", weights_only=True)
    result = json.loads((home / "result.json").read_text())

    assert home.name == f"se-seed0-{run.key[:12]}"
    assert (home / "settings.yaml").read_text().startswith("schema_number: 1\n")
    assert (home / "curve.csv").read_text().count("\n") == 3
    assert predictions["probabilities"].shape == (20, 10)
    assert predictions["labels"].tolist() == [*range(10), *range(10)]
    assert "layer1.0.attention.fc1.weight" in weights
    assert result["parameters"] == sum(
        value.numel()
        for key, value in weights.items()
        if "running_" not in key and "num_batches" not in key
    )


def test_what_is_finished_is_never_trained_again(finished):
    summary, recipe, folder = finished

    again = compare(recipe, folder=folder, executor=NobodyTrains(), progress=False)

    assert again == summary


def test_a_new_label_trains_nothing_anew(finished):
    summary, recipe, folder = finished
    blocks = [{"name": "se", "label": "mine"}, "cbam"]
    renamed = recipe.model_validate({**recipe.plain(), "blocks": blocks})

    again = compare(renamed, folder=folder, executor=NobodyTrains(), progress=False)

    assert scores(again)["mine"] == scores(summary)["se"]


def test_another_run_of_the_recipe_gives_the_same_numbers(finished, tmp_path):
    summary, recipe, _ = finished

    again = compare(
        recipe, folder=tmp_path, executor=LocalProcesses(workers=1), progress=False
    )

    assert scores(again) == scores(summary)


def test_a_new_block_and_a_new_seed_train_only_what_is_new(finished, scripted):
    _, recipe, folder = finished
    more = recipe.model_validate(
        {**recipe.plain(), "blocks": ["se", "cbam", "eca"], "seeds": [0, 1, 2]}
    )
    labels = ["plain", "se", "cbam", "eca"]
    table = {label: {0: None, 1: None, 2: None} for label in labels}
    waiting = scripted(table)

    compare(more, folder=folder, executor=waiting, progress=False)

    assert waiting.asked == [
        "eca, seed 0",
        "eca, seed 1",
        "plain, seed 2",
        "se, seed 2",
        "cbam, seed 2",
        "eca, seed 2",
    ]


def test_a_job_that_was_killed_goes_on_and_ends_with_the_same_numbers(
    finished, tmp_path
):
    summary, recipe, _ = finished
    file = recipe.save(tmp_path / "recipe.yaml")
    folder = tmp_path / "runs"
    job = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(file), str(folder)],
        stderr=subprocess.DEVNULL,
    )
    wait_for(lambda: list(folder.glob(WHOLE)))
    workers = workers_in(folder)

    job.send_signal(signal.SIGKILL)
    job.wait()
    wait_for(lambda: not any(alive(pid) for pid in workers))
    kept = {path: path.stat().st_mtime_ns for path in folder.glob(WHOLE)}
    resumed = compare(recipe, folder=folder, progress=False)

    assert 1 <= len(kept) < 6
    assert all(path.stat().st_mtime_ns == then for path, then in kept.items())
    assert scores(resumed) == scores(summary)
    assert not list(folder.glob(".partial-*"))


def workers_in(folder):
    """Return the process ids of the workers of a folder."""
    workers = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = file.read_bytes().decode().split("\0")
            if "foveate.study.worker" in words and str(folder) in words:
                workers.append(int(file.parent.name))
    assert workers
    return workers


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_run_that_breaks_is_reported_and_tried_again(tiny, tmp_path):
    recipe = tiny(training={"epochs": 1, "batch_size": 16, "device": "cuda:7"})

    first = compare(recipe, folder=tmp_path, progress=False)

    assert len(first.failures) == 4
    assert first.rows == ()
    assert "Use 'cpu'" in first.failures[0].reason
    assert "Traceback" in next((tmp_path / "failures").iterdir()).read_text()


def test_a_worker_that_dies_breaks_its_own_run_alone(tiny, tmp_path):
    # long enough that it is still training when it is killed
    recipe = tiny(seeds=[0], training={"epochs": 40})

    class KilledOnce(LocalProcesses):
        def execute(self, runs, folder, listen):
            def kill(event):
                if event.epoch is not None and event.run.label == "plain":
                    for pid in workers_in(folder.path):
                        os.kill(pid, signal.SIGKILL)

            super().execute(runs, folder, kill)

    summary = compare(recipe, folder=tmp_path, executor=KilledOnce(1), progress=False)

    assert [f.reason for f in summary.failures] == ["the process died (signal 9)"]
    assert [row.label for row in summary.rows] == ["se"]


def test_a_missing_extra_is_said_before_anything_is_trained(
    tiny, tmp_path, monkeypatch
):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    with pytest.raises(MissingExtraError, match=r"pip install 'foveate\[compare\]'"):
        compare(tiny(), folder=tmp_path / "new", progress=False)

    assert not (tmp_path / "new").exists()


def test_what_was_found_is_printed_in_words(finished):
    summary, _, _ = finished

    assert str(summary).startswith("The plain resnet10 scored ")


def test_a_folder_in_use_is_left_alone(tiny, tmp_path):
    with (
        Folder(tmp_path).held(),
        pytest.raises(BusyError, match=f"another foveate is working in {tmp_path}"),
    ):
        compare(tiny(), folder=tmp_path, executor=NobodyTrains(), progress=False)


def test_what_a_killed_job_left_half_written_is_cleared(tmp_path):
    (tmp_path / ".partial-se-seed0-abc").mkdir(parents=True)

    with Folder(tmp_path).held():
        left = list(tmp_path.glob(".partial-*"))

    assert left == []


def test_a_finished_run_is_never_overwritten(tiny, trained, tmp_path):
    run = grid(tiny()).runs[0]
    folder = Folder(tmp_path)

    folder.save(run, trained(0.25), np.zeros(4))
    folder.save(run, trained(0.75), np.zeros(4))

    assert folder.result(run).accuracy == 0.25


def test_cores_are_shared_out_by_threads(tiny, monkeypatch):
    monkeypatch.setattr(executor_module, "_cores", lambda: 8)
    runs = grid(tiny(training={"threads": 3})).runs

    assert LocalProcesses()._workers_for(runs) == 2
    assert LocalProcesses(5)._workers_for(runs) == 5


@pytest.mark.slow
def test_fusions_are_compared_at_the_joins_of_a_pyramid(tiny, tmp_path):
    recipe = tiny(
        host={"name": "resnet10_fpn", "width": 4},
        slot={"name": "join"},
        blocks=["concat", "gated"],
        training={"epochs": 1},
    )

    summary = compare(recipe, folder=tmp_path, progress=False)

    plain, *rows = summary.rows
    added = {row.label: row.parameters - plain.parameters for row in rows}
    assert summary.failures == ()
    assert plain.label == "plain"
    # three joins of 16 channels: one 1x1 convolution of both, or one of each
    assert added == {"concat": 3 * (2 * 16 * 16 + 16), "gated": 3 * 2 * (16 * 16 + 16)}
    assert "The plain host joins its maps by adding them up" in str(summary)
    assert "by adding them up" in summary.report(tmp_path / "page.html").read_text()


def test_a_recipe_can_be_named(scripted, tmp_path):
    blocks = "blocks=[concat]"
    waiting = scripted({"plain": {0: None}, "concat": {0: None}})

    compare(
        "fusions",
        overrides=[blocks, "seeds=[0]"],
        folder=tmp_path,
        executor=waiting,
        progress=False,
    )

    assert waiting.asked == ["plain, seed 0", "concat, seed 0"]
