"""The chart of the gates of all blocks of a network."""

from xml.etree.ElementTree import fromstring

import numpy as np
import pytest

from foveate.errors import OptionError
from foveate.pictures.gate_ridges import draw_network_gates
from foveate.pictures.gates import channel_statistics
from foveate.pictures.seen import ChannelGates

SVG = "{http://www.w3.org/2000/svg}"


def block(where, values):
    gates = ChannelGates(where, "SE", "channel", np.asarray(values, np.float32))
    return channel_statistics(gates)


def chart(rows):
    return fromstring(draw_network_gates(rows))  # noqa: S314


def marks(root, look):
    return [e for e in root.iter() if look in e.get("class", "").split()]


def test_blocks_stand_in_the_order_of_the_network():
    values = np.random.default_rng(0).random((4, 30))
    names = [f"layer{number}" for number in range(50)]

    root = chart([block(name, values) for name in names])

    shown = marks(root, "name")
    assert [text.text for text in shown] == names
    heights = [float(text.get("y")) for text in shown]
    assert heights == sorted(heights)


def test_all_rows_share_one_axis():
    rows = [block("a", [[0.25], [0.25]]), block("b", [[0.75], [0.75]])]

    root = chart(rows)

    # the axis spans 96 of 100 parts of the width, from 2 on
    means = [line.get("x1") for line in marks(root, "whole")]
    assert means == ["26%", "74%"]


def test_gates_with_other_ceilings_are_compared_by_their_share_of_it():
    doubled = ChannelGates("b", "SE", "channel", np.full((2, 1), 1.5, np.float32))
    rows = [block("a", [[0.75], [0.75]]), channel_statistics(doubled, ceiling=2)]

    root = chart(rows)

    assert [line.get("x1") for line in marks(root, "whole")] == ["74%", "74%"]
    assert "gate, 1 is fully open" in [text.text for text in root.iter(f"{SVG}text")]


def test_closed_and_open_channels_are_counted_beside_the_name():
    rows = [block("a", [[0.01, 0.5, 0.99], [0.02, 0.7, 0.99]])]

    root = chart(rows)

    told = [text.text for text in root.iter(f"{SVG}text")]
    assert "3 channels, 1 closed, 1 open" in told
    assert root.get("aria-label").endswith("a: 3 channels, 1 closed, 1 open.")


def test_a_block_without_any_gate_is_a_row_without_a_mean():
    rows = [block("a", [[np.nan]]), block("b", [[0.5]])]

    root = chart(rows)

    assert len(marks(root, "name")) == 2
    assert len(marks(root, "whole")) == 1


def test_rejects_no_blocks():
    with pytest.raises(OptionError, match="statistics of one block or more, got none"):
        draw_network_gates([])
