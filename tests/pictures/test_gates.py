"""What channel gates do over images, by hand."""

import numpy as np
import pytest

from foveate.errors import OptionError, ShapeError
from foveate.pictures._gate_spread import BINS
from foveate.pictures.gates import channel_statistics
from foveate.pictures.seen import ChannelGates


def gates(*rows):
    values = np.array(rows, dtype=np.float32)
    return ChannelGates("layer1", "SqueezeExcite", "channel", values)


def test_mean_spread_and_quartiles_are_those_over_the_images():
    found = channel_statistics(gates([0.2, 0.5], [0.4, 0.5], [0.6, 0.5], [0.8, 0.5]))

    # quartiles of 0.2, 0.4, 0.6, 0.8 lie at the ranks 0.75, 1.5 and 2.25 from 0
    np.testing.assert_allclose(found.mean, [0.5, 0.5], rtol=1e-6)
    np.testing.assert_allclose(found.deviation, [np.sqrt(0.05), 0], atol=1e-7)
    np.testing.assert_allclose(found.first_quartile, [0.35, 0.5], rtol=1e-6)
    np.testing.assert_allclose(found.median, [0.5, 0.5], rtol=1e-6)
    np.testing.assert_allclose(found.third_quartile, [0.65, 0.5], rtol=1e-6)
    np.testing.assert_allclose(found.lowest, [0.2, 0.5], rtol=1e-6)
    np.testing.assert_allclose(found.highest, [0.8, 0.5], rtol=1e-6)
    assert (found.images, found.channels) == (4, 2)


def test_channels_are_sorted_by_what_holds_in_every_image():
    found = channel_statistics(
        gates([0.01, 0.96, 0.400, 0.04, 0.94], [0.05, 0.99, 0.409, 0.06, 0.99])
    )

    assert found.dead == (0,)
    assert found.saturated == (1,)
    assert found.constant == (2,)
    assert found.states() == ["closed", "open", "constant", "", ""]


def test_one_image_says_nothing_of_what_is_constant():
    found = channel_statistics(gates([0.5, 0.01]))

    assert (found.constant, found.dead, found.images) == ((), (1,), 1)


def test_the_thresholds_are_options():
    values = gates([0.15, 0.8, 0.5], [0.1, 0.9, 0.55])

    found = channel_statistics(values, closed=0.2, opened=0.75, still=0.1)

    assert (found.dead, found.saturated, found.constant) == ((0,), (1,), (2,))


def test_gates_with_a_ceiling_are_measured_against_it():
    found = channel_statistics(gates([0.1, 1.9, 1.0], [0.02, 2.0, 1.5]), ceiling=2)

    assert (found.family, found.full) == ("bounded", 2.0)
    assert (found.dead, found.saturated) == ((0,), (1,))


def test_free_gates_are_open_where_they_change_nothing():
    found = channel_statistics(gates([1.02, 1.5, -0.01, -0.5], [0.97, 1.4, 0.04, -0.6]))

    assert found.family == "free"
    assert (found.saturated, found.dead) == ((0,), (2,))


def test_shares_are_measured_against_the_even_share():
    # 0.01 is a twentieth of 1 / 5, and one channel alone has nearly everything
    found = channel_statistics(
        gates([0.01, 0.97, 0.005, 0.005, 0.01], [0.01, 0.29, 0.2, 0.3, 0.2])
    )

    assert (found.family, found.full) == ("shares", 0.2)
    assert (found.dead, found.saturated) == ((0,), ())


def test_a_single_channel_of_ones_is_a_gate_and_not_a_share():
    assert channel_statistics(gates([1.0], [1.0])).saturated == (0,)


def test_images_without_a_gate_are_left_out_of_their_channel():
    nan = np.nan

    found = channel_statistics(
        gates([nan, 0.01, nan], [0.3, nan, nan], [0.5, 0.03, nan])
    )

    np.testing.assert_allclose(found.mean, [0.4, 0.02, nan], rtol=1e-6)
    assert (found.dead, found.unseen) == ((1,), (2,))
    assert found.counts.sum() == 4


def test_a_block_that_never_had_a_gate_is_all_unseen():
    found = channel_statistics(gates([np.nan, np.nan]))

    assert found.unseen == (0, 1)
    assert found.counts.sum() == 0


def test_bins_hold_every_gate():
    found = channel_statistics(gates([0.0, 0.26, 1.0], [0.01, 0.49, 0.99]))

    assert found.counts.sum() == 6
    assert (found.counts[0], found.counts[-1]) == (2, 2)
    np.testing.assert_allclose(found.edges, np.arange(BINS + 1) / BINS)


def test_a_few_free_gates_far_out_do_not_stretch_the_bins():
    values = np.random.default_rng(0).normal(1.0, 0.1, (20, 100))
    values[0, 0] = 1000

    found = channel_statistics(gates(*values))

    assert found.edges[-1] < 2
    assert found.counts.sum() == 2000


@pytest.mark.parametrize("values", [np.zeros((3, 0)), np.zeros(3), np.zeros((0, 3))])
def test_rejects_what_is_not_images_by_channels(values):
    with pytest.raises(ShapeError, match=r"layer1 must be \(images, channels\), got"):
        channel_statistics(ChannelGates("layer1", "SE", "channel", values))


def test_rejects_infinite_gates():
    with pytest.raises(ShapeError, match="layer1 are not finite"):
        channel_statistics(gates([np.inf, 0.5]))


def test_rejects_thresholds_that_cross():
    with pytest.raises(OptionError, match=r"closed must be below opened, got 0\.9"):
        channel_statistics(gates([0.5]), closed=0.9, opened=0.1)


def test_rejects_a_ceiling_below_a_gate():
    with pytest.raises(
        OptionError, match="at least the highest gate, got 1 and a gate"
    ):
        channel_statistics(gates([1.5]), ceiling=1)
