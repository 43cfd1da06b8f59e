"""The embedded data: the same everywhere, and nothing shared by training and test."""

import sys

import numpy as np
import pytest

from foveate.errors import MissingExtraError
from foveate.records import Data
from foveate.study import digit_scenes


def scenes(**fields):
    return digit_scenes.load(Data(**{"train_images": 40, "test_images": 20, **fields}))


def test_the_bytes_are_the_same_on_every_machine():
    found = scenes()

    assert found.train.digest.startswith("5629656b3ff147bf77922ceb")
    assert found.test.digest.startswith("e562f0d5d980525b6bcbc1dc")


def test_another_seed_gives_other_scenes():
    assert scenes(seed=1).train.digest != scenes(seed=0).train.digest


@pytest.mark.parametrize("side", [24, 48, 67, 192])
def test_images_have_the_size_that_was_asked_for(side):
    found = scenes(image_size=side, train_images=3, test_images=2)

    assert found.train.pixels.shape == (3, 3, side, side)
    assert found.test.pixels.shape == (2, 3, side, side)
    assert found.train.pixels.dtype == np.uint8


def test_classes_are_balanced():
    assert np.bincount(scenes().train.labels).tolist() == [4] * 10


def test_boxes_lie_in_the_image_and_hold_most_of_a_digit():
    boxes = scenes(image_size=48).train.boxes
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]

    assert boxes.min() >= 0
    assert boxes.max() <= 48
    assert height.min() >= 12
    assert width.min() >= 5


def test_only_the_box_differs_between_two_scenes_of_two_digits_on_one_background():
    material = digit_scenes._material()[0]
    scene = np.full((48, 48, 3), 200)
    before = scene.copy()
    glyph = digit_scenes._enlarge(material.glyphs[3][0], 20)
    place = slice(4, 24), slice(9, 29)

    digit_scenes._blend(np.random.RandomState(0), scene[place], glyph)

    changed = np.argwhere(np.abs(scene - before).max(axis=2) > 30)
    left, top, right, bottom = digit_scenes._box_of_ink(glyph, place)
    assert changed.min(axis=0).tolist() >= [top, left]
    assert (changed.max(axis=0) < [bottom, right]).all()


def test_training_and_test_share_no_digit_image():
    train, test = digit_scenes._material()
    of_train = {glyph.tobytes() for glyphs in train.glyphs for glyph in glyphs}
    of_test = {glyph.tobytes() for glyphs in test.glyphs for glyph in glyphs}

    assert of_train & of_test == set()
    assert len(of_train) + len(of_test) == 1797


def test_training_and_test_share_no_piece_of_photograph():
    train, test = digit_scenes._material()

    for of_train, of_test in zip(train.photographs, test.photographs, strict=True):
        assert of_train.shape == (427, 425, 3)
        assert of_test.shape == (427, 205, 3)
        assert not np.shares_memory(of_train, of_test)


def test_without_clutter_nothing_but_the_digit_lies_on_the_photograph():
    assert scenes(clutter=0).train.digest != scenes(clutter=4).train.digest


def test_a_glyph_of_full_ink_stays_full_at_any_size():
    full = np.full((8, 8), 16)

    for size in (8, 13, 40):
        assert (digit_scenes._enlarge(full, size) == digit_scenes.ONE).all()


def test_a_missing_package_is_named_with_its_cure(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    digit_scenes._material.cache_clear()

    with pytest.raises(MissingExtraError, match=r"pip install 'foveate\[compare\]'"):
        scenes(seed=99)
