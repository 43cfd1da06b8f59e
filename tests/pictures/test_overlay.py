"""Heat lies over a grey image, and marks are seen on any ground."""

from __future__ import annotations

import numpy as np
import pytest

from foveate.errors import OptionError, ShapeError
from foveate.pictures.cam_image import show_cam_on_image
from foveate.pictures.colours import colour
from foveate.pictures.heat_map import HeatMap
from foveate.pictures.overlay import colour_bar, drawn_size, overlay, shown
from foveate.pictures.scale import Scale
from foveate.pictures.seen import Picture


def picture(height=300, width=420, ink=(10, 200, 90)):
    return Picture(np.full((height, width, 3), ink, dtype=np.uint8), "made up")


def heat(values, **about):
    array = np.array(values, dtype=np.float32)
    return HeatMap(array, about.pop("kind", "activation"), "made up", **about)


def test_without_opacity_only_the_grey_image_is_seen():
    seen = overlay(picture(), heat([[0.0, 1.0]]), opacity=0)

    # 0.2126 * 10 + 0.7152 * 200 + 0.0722 * 90 = 151.7
    assert seen.shape == (300, 420, 3)
    assert (seen == 152).all()


def test_with_full_opacity_only_the_colours_are_seen():
    seen = overlay(picture(), heat([[0.0, 1.0]]), opacity=1)

    np.testing.assert_array_equal(seen[:, 0], np.tile(colour(np.array(0.0)), (300, 1)))
    np.testing.assert_array_equal(seen[:, -1], np.tile(colour(np.array(1.0)), (300, 1)))


def test_the_hue_of_the_image_does_not_matter():
    green = picture(ink=(0, 100, 0))  # its luminance is 71.52
    grey = picture(ink=(72, 72, 72))

    maps = heat([[0.0, 1.0], [0.5, 0.2]])
    difference = overlay(green, maps).astype(int) - overlay(grey, maps)

    assert np.abs(difference).max() <= 1


def test_the_same_value_on_the_same_scale_has_the_same_colour():
    scale = Scale(0.0, 2.0, "gate")
    one, other = (
        heat([[0.5, 0.5]], kind="gate"),
        heat([[0.5], [0.5], [0.5]], kind="gate"),
    )

    np.testing.assert_array_equal(
        overlay(picture(), one, scale=scale), overlay(picture(), other, scale=scale)
    )


def test_the_colour_bar_shows_the_colours_of_overlays():
    scale = Scale(0.0, 1.0, "gate")
    white = picture(ink=(255, 255, 255))
    bar = colour_bar((9, 101))

    for share in (0.0, 0.25, 1.0):
        seen = overlay(white, heat([[share]], kind="gate"), scale=scale)
        np.testing.assert_array_equal(seen[150, 200], bar[0, round(100 * share)])


def test_small_images_are_enlarged_by_a_whole_number_and_stay_square_pixels():
    pixels = np.zeros((40, 30, 3), dtype=np.uint8)
    pixels[0, 0] = 255
    small = Picture(pixels, "small")

    large = shown(small)

    assert drawn_size(small) == (280, 210)
    assert (large[:7, :7] == 255).all()
    assert not large[7:].any()
    assert not large[:, 7:].any()
    assert overlay(small, heat([[0.0, 1.0]])).shape == (280, 210, 3)


def test_any_size_can_be_asked_for():
    seen = overlay(picture(), heat([[0.0, 1.0]]), size=(33, 71))

    assert seen.shape == (33, 71, 3)
    assert shown(picture(), size=(33, 71)).shape == (33, 71, 3)


@pytest.mark.parametrize("ink", [0, 128, 255])
def test_a_box_is_white_with_dark_edges_on_any_ground(ink):
    ground = picture(ink=(ink, ink, ink))

    seen = shown(ground, box=(100.0, 50.0, 300.0, 250.0))

    line = seen[150, 90:110, 0].astype(int)
    assert line.max() == 255
    assert line.min() < 100
    assert (seen[150, 200] == ink).all()
    assert (seen[20, 20] == ink).all()


def test_a_box_on_the_edge_of_the_image_is_seen():
    seen = shown(picture(ink=(0, 0, 0)), box=(0.0, 0.0, 420.0, 300.0))

    assert seen[:3, 210].max() == 255
    assert seen[-3:, 210].max() == 255
    assert seen[150, :3].max() == 255
    assert seen[150, -3:].max() == 255


def test_a_box_moves_with_the_size():
    seen = shown(
        picture(ink=(0, 0, 0)), box=(100.0, 50.0, 300.0, 250.0), size=(150, 210)
    )

    assert seen[75, 49:51].max() == 255
    assert seen[75, 20:45].max() == 0


def test_a_box_moves_with_each_side_by_its_own_factor():
    seen = shown(
        picture(ink=(0, 0, 0)), box=(100.0, 50.0, 300.0, 250.0), size=(150, 420)
    )

    # half as high and as wide as before: rows 25 to 125, columns 100 to 300
    assert seen[75, 99:101].max() == 255
    assert seen[24:26, 200].max() == 255
    assert seen[75, 106:294].max() == 0


def test_the_place_that_looks_is_ringed():
    black = picture(ink=(0, 0, 0))
    share = heat(np.full((3, 5), 1 / 15), kind="share", query=(0.5, 0.25))

    seen = overlay(black, share, opacity=0)

    ys, xs = np.nonzero(seen[..., 0] > 200)
    assert (ys + 0.5).mean() == pytest.approx(150, abs=0.6)
    assert (xs + 0.5).mean() == pytest.approx(105, abs=0.6)
    assert seen[150, 105].max() < 60


def test_the_picture_is_not_changed():
    mine = picture()
    before = mine.pixels.copy()

    overlay(mine, heat([[0.0, 1.0]]), box=(1.0, 1.0, 50.0, 50.0))

    np.testing.assert_array_equal(mine.pixels, before)


def test_an_opacity_beyond_1_is_refused():
    with pytest.raises(OptionError, match=r"opacity must be from 0 to 1, got 1\.5"):
        overlay(picture(), heat([[1.0]]), opacity=1.5)


def test_show_cam_on_image_mixes_image_and_ramp():
    img = np.full((3, 5, 3), 1.0, dtype=np.float32)
    mask = np.zeros((3, 5), dtype=np.float32)

    got = show_cam_on_image(img, mask, use_rgb=True, image_weight=0.25)

    # a quarter of white and three quarters of the dark end (22, 4, 58)
    assert got.dtype == np.uint8
    np.testing.assert_allclose(got[1, 2], [80.25, 66.75, 107.25], atol=0.5)


def test_show_cam_on_image_keeps_the_order_of_opencv():
    img = np.zeros((2, 3, 3), dtype=np.float32)
    mask = np.full((2, 3), 0.7, dtype=np.float32)

    np.testing.assert_array_equal(
        show_cam_on_image(img, mask, use_rgb=False),
        show_cam_on_image(img, mask, use_rgb=True)[..., ::-1],
    )


def test_show_cam_on_image_refuses_bytes_and_other_sizes():
    img, mask = np.zeros((4, 6, 3)), np.zeros((4, 6))

    with pytest.raises(OptionError, match=r"img must be from 0 to 1.* to 255"):
        show_cam_on_image(img + 255, mask)
    with pytest.raises(OptionError, match="mask must be from 0 to 1"):
        show_cam_on_image(img, mask - 1)
    with pytest.raises(ShapeError, match=r"got \(4, 6, 3\) and \(6, 4\)"):
        show_cam_on_image(img, mask.T)
