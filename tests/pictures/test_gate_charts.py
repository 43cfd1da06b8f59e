"""The chart of the gates of one block."""

from xml.etree.ElementTree import fromstring, tostring

import numpy as np
import pytest

from foveate.pictures._gate_marks import COLUMNS
from foveate.pictures.gate_charts import BARS, draw_gates
from foveate.pictures.gates import channel_statistics
from foveate.pictures.seen import ChannelGates

NAMES = {"": "http://www.w3.org/2000/svg"}


def chart(values, where="layer1"):
    values = np.asarray(values, dtype=np.float32)
    gates = ChannelGates(where, "SqueezeExcite", "channel", values)
    text = draw_gates(channel_statistics(gates))
    return fromstring(text)  # noqa: S314


def varied(images, channels):
    return np.random.default_rng(0).uniform(0.1, 0.9, (images, channels))


def texts(root):
    return [text.text for text in root.iter(f"{{{NAMES['']}}}text")]


def marks(root, look):
    return [e for e in root.iter() if look in e.get("class", "").split()]


def test_few_channels_have_a_bar_each_from_the_highest_mean_down():
    root = chart([[0.2, 0.9, 0.5], [0.4, 0.7, 0.5]])

    titles = [t.text for t in root.iter(f"{{{NAMES['']}}}title")][:3]

    assert titles == ["channel 1: 0.8", "channel 2: 0.5", "channel 0: 0.3"]
    assert len(marks(root, "area")) == 3


def test_a_bar_reaches_from_the_ground_to_the_mean():
    (bar,) = marks(chart([[0.25], [0.75]]), "area")

    # the frame is 200 pixels tall for gates from 0 to 1
    assert (float(bar.get("y")), float(bar.get("height"))) == (100, 100)


@pytest.mark.parametrize("channels", [BARS + 1, COLUMNS, 2048])
def test_many_channels_are_a_profile_of_no_more_steps_than_pixels(channels):
    (area,) = marks(chart(varied(5, channels)), "area")

    steps = (len(area.get("points").split()) - 2) / 2

    assert BARS < steps <= COLUMNS
    assert area.get("points").split()[-1].startswith(f"{channels},")


def test_pooled_channels_keep_their_lowest_and_highest():
    values = varied(4, 2 * COLUMNS)
    values[2, 17] = 1.0

    hairs = marks(chart(values), "hair")
    heights = [float(p.split(",")[1]) for p in hairs[-1].get("points").split()]

    assert min(heights) == 0


def test_one_image_has_no_spread():
    root = chart(varied(1, 100))

    assert not marks(root, "hair")
    assert not any(text == "middle half" for text in texts(root))


def test_closed_and_open_channels_are_marked_and_named():
    root = chart([[0.01, 0.5, 0.99, 0.2], [0.02, 0.6, 0.98, 0.1]])

    told = texts(root)

    assert "1 closed in both images (at most 0.05):" in told
    assert "channel 0" in told
    assert "1 open in both images (at least 0.95):" in told
    assert len(marks(root, "closed")) == 2  # beneath its bar, and in the key


def test_that_none_is_closed_is_said():
    assert "none closed in all 3 images (at most 0.05)" in texts(chart(varied(3, 9)))


def test_gates_beyond_the_axis_are_said():
    values = np.random.default_rng(0).normal(1.0, 0.1, (20, 100))
    beyond = "some gates lie beyond the ends of the axis"
    assert beyond in texts(chart(values))

    values = np.clip(values, 0.5, 0.9)

    assert beyond not in texts(chart(values))


def test_what_it_shows_is_told_to_those_who_do_not_see_it():
    root = chart([[0.01, 0.5], [0.02, 0.6]])

    assert root.get("role") == "img"
    assert root.get("aria-label").startswith(
        "Channel gates of layer1. 1 of 2 channels is closed in both images"
    )


@pytest.mark.parametrize(
    "values",
    [
        [[0.5]],
        [[np.nan, np.nan]],
        [[np.nan, 0.5, 0.6], [np.nan, 0.4, 0.7]],
        [[-0.5, 1.0, 1.7], [-0.6, 1.0, 2.2]],
        [[0.0, 0.0]] * 3,
        [[0.25, 0.75], [0.5, 0.5]],
    ],
    ids=["one", "unseen", "partly", "free", "zeros", "shares"],
)
def test_odd_gates_are_drawn_without_a_nan(values):
    assert "nan" not in tostring(chart(values), encoding="unicode")


def test_any_name_makes_valid_markup():
    root = chart([[0.5]], where="a<b>&\"'\x00\x0b\ud800" + "x" * 100)

    title = marks(root, "title")[0].text

    assert title.startswith("a<b>&\"'\ufffd\ufffd\ufffd")
    assert len(title) == 44


def test_it_asks_the_network_for_nothing():
    values = varied(3, 70).astype(np.float32)
    gates = ChannelGates("layer1", "SqueezeExcite", "channel", values)

    text = draw_gates(channel_statistics(gates))

    assert text.count("http") == text.count("http://www.w3.org/2000/svg")
    assert "href" not in text
    assert "url(" not in text
