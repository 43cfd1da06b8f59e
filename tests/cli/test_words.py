"""What is written on the command line in words of ours."""

from typing import get_args

import pytest
import typer

from foveate.cli._words import Position, class_of, pixel_of, size_of
from foveate.cli.look import Method
from foveate.explain.cams import METHODS
from foveate.records import POSITIONS
from foveate.report import look_table


def test_the_positions_are_those_of_the_library():
    assert get_args(get_args(Position)[0]) == POSITIONS


def test_the_methods_are_those_of_the_library_and_none():
    assert get_args(Method) == (*METHODS, "none")


def test_every_method_has_a_name_in_reports():
    assert tuple(look_table.METHODS) == METHODS


@pytest.mark.parametrize(
    ("text", "size"), [("", None), ("224", 224), ("320x480", (320, 480))]
)
def test_a_size_is_one_side_or_height_and_width(text, size):
    assert size_of(text) == size


@pytest.mark.parametrize("text", ["0", "224x", "x224", "224X224", "1x2x3", "-5"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(typer.BadParameter, match="--size is written 224 or 320x480"):
        size_of(text)


@pytest.mark.parametrize(
    ("text", "pixel"), [("", None), ("0,0", (0, 0)), ("120,80", (120, 80))]
)
def test_a_pixel_is_row_and_column(text, pixel):
    assert pixel_of(text) == pixel


@pytest.mark.parametrize("text", ["120", "1,2,3", "-1,2", "0.5,0.5", "a,b"])
def test_what_is_no_pixel_is_refused(text):
    with pytest.raises(typer.BadParameter, match="--query is written ROW,COLUMN"):
        pixel_of(text)


@pytest.mark.parametrize(
    ("text", "target"), [("", None), ("3", 3), ("cat", "cat"), ("3d", "3d"), ("-1", -1)]
)
def test_a_class_is_a_number_or_a_name(text, target):
    assert class_of(text) == target
