"""What a gallery shows of images that are wider than high."""

import types

import numpy as np
import pytest
from PIL import Image

from foveate.study import gallery, grid
from foveate.study.digit_scenes import Images
from foveate.study.folders import Folder
from foveate.study.look_files import Seen, Way

HEIGHT, WIDTH = 30, 50
WAY = Way("layercam", ("layer2",), "asked for", images=2, removed=0)


@pytest.fixture
def drawn(tiny, trained, tmp_path, monkeypatch):
    """A gallery of two images of one network, and its folder."""
    random = np.random.RandomState(0)
    pixels = random.randint(0, 256, (2, 3, HEIGHT, WIDTH)).astype(np.uint8)
    boxes = np.array([[5, 3, 20, 27], [0, 6, 10, 12]])
    test = Images(pixels, np.array([1, 4]), boxes)
    monkeypatch.setattr(gallery, "load", lambda _: types.SimpleNamespace(test=test))
    run = next(run for run in grid(tiny(seeds=[0])).runs if run.label == "plain")
    home = Folder(tmp_path)
    home.save(run, trained(0.5), np.zeros(4))
    heats = random.random_sample((2, 3, 5)).astype(np.float32)
    seen = {"plain": {0: Seen(heats, {"energy": np.array([0.25, 0.5])}, {})}}
    return gallery.draw_gallery(home, [run], seen, ["plain"], WAY), tmp_path


def test_boxes_are_shares_of_width_and_height(drawn):
    first, second = drawn[0].rows

    # over 50, 30, 50 and 30 pixels
    assert first.box == pytest.approx((0.1, 0.1, 0.4, 0.9))
    assert second.box == pytest.approx((0.0, 0.2, 0.2, 0.4))


def test_small_images_are_enlarged_by_a_whole_number_until_they_are_large_enough(drawn):
    row, folder = drawn[0].rows[0], drawn[1]

    # twice the width is below 120
    for picture in (row.picture, row.cells[0].picture):
        with Image.open(folder / picture) as shown:
            assert shown.size == (3 * WIDTH, 3 * HEIGHT)
