"""Statistics of gates in words, as a table and as plain values."""

import csv
import json

import numpy as np
import pytest

from foveate.errors import OptionError
from foveate.pictures.gate_words import describe, plain_values, write_csv
from foveate.pictures.gates import channel_statistics
from foveate.pictures.seen import ChannelGates


def statistics(values, **options):
    values = np.array(values, dtype=np.float32)
    gates = ChannelGates("layer1, a", "SqueezeExcite", "channel", values)
    return channel_statistics(gates, **options)


def test_a_sentence_names_the_first_channels_and_counts_the_rest():
    found = statistics(np.tile([0.01] * 5 + [0.5] * 5 + [0.98], (40, 1)))

    assert describe(found, most=3) == (
        "5 of 11 channels are closed in all 40 images (at most 0.05): 0, 1, 2 and 2 "
        "more. 1 of 11 channels is open in all 40 images (at least 0.95): 10. "
        "5 of 11 channels are constant (varying by less than 0.01 between images): "
        "5, 6, 7 and 2 more."
    )


def test_one_image_is_said_to_be_weak():
    assert describe(statistics([[0.5, 0.02]])) == (
        "1 of 2 channels is closed in the one image (at most 0.05): 1. "
        "One image does not tell whether they always are."
    )


def test_that_there_are_none_is_said_as_well():
    assert describe(statistics([[0.5, 0.2], [0.6, 0.3]])) == (
        "None of 2 channels is closed (at most 0.05) or open (at least 0.95) in both "
        "images."
    )


def test_all_channels_are_not_listed():
    told = describe(statistics([[0.01, 0.02]] * 3))

    assert told == "All 2 channels are closed in all 3 images (at most 0.05)."


def test_free_gates_are_open_around_one():
    told = describe(statistics([[1.0, -0.02, 1.7]] * 3))

    assert "closed in all 3 images (from \N{MINUS SIGN}0.05 to 0.05): 1." in told
    assert "open in all 3 images (from 0.95 to 1.05): 0." in told


def test_shares_are_never_called_open():
    told = describe(statistics([[0.3, 0.7], [0.6, 0.4]]))

    assert told == "None of 2 channels is closed (at most 0.025) in both images."


def test_channels_without_a_gate_are_said():
    told = describe(statistics([[0.5, np.nan], [0.7, np.nan]]))

    assert told.endswith(
        "1 of 2 channels is without a gate (their input was 0 everywhere): 1."
    )


def test_rejects_to_name_no_channel():
    with pytest.raises(OptionError, match="most must be greater than 0, got 0"):
        describe(statistics([[0.5]]), most=0)


def test_plain_values_survive_json_without_a_nan():
    found = statistics([[0.01, 0.25, np.nan], [0.01, 0.75, np.nan]])

    plain = json.loads(json.dumps(plain_values(found), allow_nan=False))

    assert plain["mean"] == [0.01, 0.5, None]
    assert plain["dead"] == [0]
    assert plain["limits"] == [0.05, 0.95, None]
    assert (plain["images"], plain["channels"]) == (2, 3)


def test_small_shares_keep_their_digits():
    plain = plain_values(statistics(np.full((2, 2048), 1 / 2048)))

    assert plain["mean"][0] == pytest.approx(1 / 2048, rel=1e-6)


def test_a_table_has_a_line_for_each_channel_of_each_block():
    found = statistics([[0.01, 0.25], [0.01, 0.75]])

    lines = list(csv.DictReader(write_csv([found, found]).splitlines()))

    assert len(lines) == 4
    assert lines[0]["where"] == "layer1, a"
    assert [line["channel"] for line in lines] == ["0", "1", "0", "1"]
    assert [line["state"] for line in lines[:2]] == ["closed", ""]
    assert (lines[1]["mean"], lines[1]["highest"]) == ("0.5", "0.75")
