"""The chart of how blocks share out their branches."""

from xml.etree.ElementTree import fromstring

import numpy as np
import pytest

from foveate.errors import OptionError, ShapeError
from foveate.pictures.branches import draw_branches
from foveate.pictures.seen import Branches

SVG = "{http://www.w3.org/2000/svg}"


def layer(where, *rows):
    return Branches(where, "SelectiveKernel", np.array(rows, dtype=np.float32))


def chart(*layers, **options):
    text = draw_branches(layers, **options)
    return fromstring(text)  # noqa: S314


def lines(root, look):
    found = [e for e in root.iter() if e.get("class") == look]
    return [(line.get("x1"), line.get("x2")) for line in found]


def test_lines_go_from_the_lowest_share_to_the_highest_and_hold_the_middle_half():
    root = chart(layer("layer1", [0.0, 1.0], [0.25, 0.75], [0.5, 0.5], [0.75, 0.25]))

    # the axis spans 96 of 100 parts of the width, from 2 on
    assert lines(root, "whole") == [("2%", "74%"), ("26%", "98%")]
    # the quartiles of 0, 1/4, 1/2, 3/4 are 3/16 and 9/16
    assert lines(root, "thick") == [("20%", "56%"), ("44%", "80%")]


def test_a_mark_stands_at_the_mean():
    root = chart(layer("layer1", [0.2, 0.8], [0.3, 0.7]))

    told = [title.text for title in root.iter(f"{SVG}title")]

    assert told[1:] == ["branch 1: 0.250", "branch 2: 0.750"]


def test_the_even_share_depends_on_the_branches_of_the_layer():
    root = chart(layer("a", [0.5, 0.5]), layer("b", [0.25] * 4))

    assert lines(root, "limit") == [("50%", "50%"), ("26%", "26%")]


def test_branches_are_called_by_their_names():
    root = chart(layer("a", [0.5, 0.5]), names=["3x3", "5x5"])

    assert root.get("aria-label") == "Shares of the branches. a: 3x3 0.50, 5x5 0.50."


def test_one_image_has_no_spread_in_its_words():
    shown = [text.text for text in chart(layer("a", [0.4, 0.6])).iter(f"{SVG}text")]

    assert "mean of 1 image" in shown


def test_half_precision_may_add_up_to_nearly_one():
    values = np.array([[0.3335, 0.333, 0.333]], dtype=np.float16).astype(np.float32)

    assert draw_branches([Branches("a", "Split", values)]).startswith("<svg")


def test_rejects_no_layers():
    with pytest.raises(OptionError, match="shares of one block or more, got none"):
        draw_branches([])


def test_rejects_too_few_names():
    with pytest.raises(OptionError, match="up to 3, got 2"):
        draw_branches([layer("a", [0.2, 0.3, 0.5])], names=["one", "two"])


def test_rejects_shares_that_do_not_add_up():
    with pytest.raises(ShapeError, match=r"shares of a must add up to 1 .* got 1\.5"):
        draw_branches([layer("a", [0.75, 0.75])])


def test_rejects_shares_of_another_shape():
    with pytest.raises(ShapeError, match=r"must be \(images, branches\), got \(2,\)"):
        draw_branches([Branches("a", "Split", np.array([0.5, 0.5], np.float32))])
