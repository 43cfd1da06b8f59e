"""Several networks side by side."""

from dataclasses import replace

import numpy as np
import pytest

from foveate.errors import OptionError
from foveate.pictures import HeatMap, Looked, Maps, Picture, save_grid, side_by_side


def seen(*names, kind="activation", size=(8, 8)):
    pixels = np.zeros((*size, 3), np.uint8)
    heat = HeatMap(np.array([[1.0, 2.0]], np.float32), kind, "made up", target="3")
    return Maps(tuple(Looked(Picture(pixels, name), (heat,)) for name in names))


def test_each_network_has_a_column_and_each_image_a_row():
    grid = side_by_side({"plain": seen("a", "b"), "se": seen("a", "b")}, "Title")

    assert grid.columns == ("image", "plain", "se")
    assert grid.rows == ("a", "b")
    assert [cell.caption for cell in grid.cells[0]] == ["", "3", "3"]


def test_what_is_said_of_some_networks_names_them():
    plain, se = seen("a"), seen("a")
    plain = replace(plain, said=("layercam: layer4", "no blocks"))
    se = replace(se, said=("layercam: layer4",))

    notes = side_by_side({"plain": plain, "se": se}).notes

    assert notes == ("layercam: layer4", "plain: no blocks")


def test_an_image_that_a_network_has_no_map_of_is_an_empty_cell():
    blind = Maps((Looked(Picture(np.zeros((8, 8, 3), np.uint8), "a"), ()),))

    grid = side_by_side({"plain": seen("a"), "blind": blind})

    assert grid.cells[0][2].missing == "no heat map"


def test_maps_that_mean_several_things_are_not_mixed():
    words = (
        r"of a are of several kinds: 'plain' made up \(activation\), 'se' made up \(ga"
    )

    with pytest.raises(OptionError, match=words):
        side_by_side({"plain": seen("a"), "se": seen("a", kind="gate")})


@pytest.mark.parametrize(
    "other", [seen("a"), seen("a", "c"), seen("a", "b", size=(8, 9))]
)
def test_other_images_are_refused(other):
    with pytest.raises(OptionError, match="'se' and 'plain' did not look at the same"):
        side_by_side({"plain": seen("a", "b"), "se": other})


@pytest.mark.parametrize("variants", [{}, {"plain": Maps(())}])
def test_nothing_to_compare_is_refused(variants):
    with pytest.raises(OptionError, match="one network or more"):
        side_by_side(variants)


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_a_grid_is_saved_by_the_ending_of_its_name(tmp_path, ending):
    path = save_grid(side_by_side({"plain": seen("a")}), tmp_path / f"grid.{ending}")

    assert path.read_bytes()[:4] == {"png": b"\x89PNG", "svg": b"<svg"}[ending]


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(OptionError, match=r"must end in .png or .svg, got 'a.jpg'"):
        save_grid(side_by_side({"plain": seen("a")}), tmp_path / "a.jpg")
