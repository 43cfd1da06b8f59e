"""Images of the user's, as the networks of a comparison see them."""

import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from foveate.errors import OptionError, RecordError, RunError
from foveate.pictures import side_by_side
from foveate.study import compare, look_at
from foveate.study.digit_scenes import load
from foveate.study.folders import Folder
from foveate.study.hosts import network_of
from foveate.study.training import train

# networks are trained for all of them
pytestmark = pytest.mark.slow


class Here:
    """Train in this process, all but what is left out."""

    def __init__(self, without=()):
        self.without = without

    def execute(self, runs, folder, listen):
        for run in runs:
            if run.seed not in self.without:
                folder.save(run, train(run), load(run.data).test.labels)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    small = ["data.image_size=24", "data.train_images=32", "data.test_images=20"]
    host = ["host.width=8", "training.epochs=1", "seeds=[0, 1]", "blocks=[cbam]"]
    overrides = [*small, *host]
    executor = Here(without={1})
    compare(
        None,
        overrides=overrides,
        folder=folder,
        executor=executor,
        progress=False,
    )
    return folder


@pytest.fixture(scope="module")
def photograph(tmp_path_factory):
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("photographs") / "photo.png"
    Image.fromarray(rng.integers(0, 255, (48, 72, 3), np.uint8)).save(path)
    return path


def test_every_network_sees_the_same_images(runs, photograph):
    seen = look_at(runs, iter([photograph]), cam="layercam", target_layers="layer2")

    assert list(seen) == ["plain", "cbam"]
    assert [len(maps) for maps in seen.values()] == [1, 1]
    assert side_by_side(seen).columns == ("image", "plain", "cbam")


def test_images_are_prepared_as_in_training(runs, photograph):
    maps = look_at(runs, photograph)["plain"]

    # mean 75 and deviation 55 of 255, and the images of the training have 24 pixels
    assert "a shorter side near 24; mean 0.294, deviation 0.216" in maps.said[0]


def test_the_networks_have_their_trained_weights(runs):
    x = torch.rand(1, 3, 24, 24)

    maps = look_at(runs, x, targets=3)["cbam"]

    home = Folder(runs)
    run = next(run for run in home.load_grid().runs if run.label == "cbam")
    model = network_of(run).eval()
    model.load_state_dict(home.weights(run))
    share = model(x)[0].softmax(0)[3].item()
    assert maps[0].heat[0].target == f"class 3 ({share:.2f})"


def test_a_seed_that_has_not_been_trained_is_refused(runs, photograph):
    with pytest.raises(OptionError, match=r"no run with seed 1 .* are of seeds 0"):
        look_at(runs, photograph, seed=1)


def test_a_comparison_without_a_finished_run_is_refused(runs, photograph, tmp_path):
    shutil.copy(runs / "grid.json", tmp_path)

    with pytest.raises(RunError, match="no run has finished in"):
        look_at(tmp_path, photograph)


def test_a_folder_without_a_comparison_is_refused(tmp_path, photograph):
    with pytest.raises(RecordError, match=r"grid\.json"):
        look_at(tmp_path, photograph)
