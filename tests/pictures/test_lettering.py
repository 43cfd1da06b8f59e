"""Text of any kind fits its room, and none becomes an empty box."""

from __future__ import annotations

import pytest

from foveate.pictures import lettering
from foveate.pictures.lettering import cut, find_font, plain, spelled, width_of, wrap


def test_what_cannot_be_seen_is_spelled():
    # a control character, an undecodable byte of a file's name, a change of direction
    assert plain("a\x00b\udc80c\u202ed") == r"a\x00b\udc80c\u202ed"


def test_line_breaks_become_spaces():
    assert plain(" two\n\twords ") == "two words"


def test_usual_letters_need_no_other_font():
    assert spelled("layer4.1 (0.92)\N{HORIZONTAL ELLIPSIS}") == (
        "",
        "layer4.1 (0.92)\N{HORIZONTAL ELLIPSIS}",
    )


def test_letters_that_no_font_has_are_spelled(monkeypatch):
    monkeypatch.setattr(lettering, "_SYSTEM_FONTS", ())

    assert spelled("\u56fe\u7247.png") == ("", r"\u56fe\u7247.png")


def test_signs_of_scales_are_simplified():
    assert spelled("\N{MINUS SIGN}0.5") == ("", "-0.5")


def test_the_width_covers_what_is_drawn():
    text = "layer4.1.foveate.after.0.block"

    assert find_font("", 12.0).getlength(text) <= width_of(text, 12.0)
    assert width_of("\u56fe\u7247", 10.0) >= 20


def test_a_short_text_stays_whole():
    assert cut("short.png", 200, 11) == "short.png"


def test_a_long_name_keeps_both_ends():
    name = "holiday-2024-a-long-way-from-home-IMG_2231.jpeg"

    short = cut(name, 120, 11)

    head, tail = short.split("\N{HORIZONTAL ELLIPSIS}")
    assert name.startswith(head)
    assert name.endswith(tail)
    assert tail.endswith(".jpeg")
    assert width_of(short, 11) <= 120


@pytest.mark.parametrize("room", [1, 30, 72, 110, 400])
@pytest.mark.parametrize("most", [1, 2, 3])
@pytest.mark.parametrize(
    "text", ["layer4.1.foveate.after.0.block spatial", "x" * 90, "", "a b"]
)
def test_wrapped_lines_fit_their_room(text, most, room):
    lines = wrap(text, room, 12, most=most)

    assert len(lines) <= most
    for line in lines:
        # a single letter cannot be cut
        assert width_of(line, 12) <= room or len(line) == 1


def test_a_path_breaks_after_its_dots():
    assert wrap("layer4.1.foveate.after.0.block spatial", 110, 12, most=3) == (
        "layer4.1.foveate.",
        "after.0.block",
        "spatial",
    )


def test_a_number_is_not_parted_where_there_is_a_space_near():
    text = "mean 0.485, 0.456, 0.406 and deviation 0.229, 0.224"

    lines = wrap(text, 120, 11, most=6)

    assert len(lines) > 2
    assert " ".join(lines) == text
