"""One scale for maps that compare, and what its colour bar says."""

from __future__ import annotations

import numpy as np
import pytest

from foveate.errors import OptionError
from foveate.pictures.heat_map import HeatMap
from foveate.pictures.scale import OWN, Scale
from foveate.pictures.scales import group_of, shared, shares_of


def heat(values, kind="activation"):
    return HeatMap(np.array(values, dtype=np.float32), kind, "made up")


def peaked(peak, places=10):
    """A map whose highest density is ``peak``: one place holds that part of all."""
    values = np.full((1, places), (places - peak) / (places - 1))
    values[0, 3] = peak
    return heat(values)


def test_activations_and_shares_are_drawn_as_densities_each_on_their_scale():
    activation = heat([[0.0, 2.0], [2.0, 4.0]])  # mean 2: densities 0, 1, 1, 2
    share = heat([[0.0, 0.0, 0.0, 1.0]], "share")  # densities 0, 0, 0, 4

    scales = shared([activation, share])

    # the sharp cross of a pairwise block would darken every map of a class
    assert scales == {
        "density": Scale(0.0, 2.0, "density"),
        "share": Scale(0.0, 4.0, "share"),
    }
    np.testing.assert_allclose(
        shares_of(activation, scales["density"]), [[0, 0.5], [0.5, 1]]
    )
    np.testing.assert_allclose(shares_of(share, scales["share"]), [[0, 0, 0, 1]])


def test_a_factor_of_an_activation_changes_nothing():
    once, thousandfold = heat([[0.0, 1.0, 2.0]]), heat([[0.0, 1000.0, 2000.0]])

    scale = shared([once, thousandfold])["density"]

    np.testing.assert_allclose(
        shares_of(once, scale), shares_of(thousandfold, scale), rtol=1e-6
    )


def test_a_factor_that_is_hardly_above_0_changes_nothing():
    faint = heat([[0.0] * 6 + [1e-45]])  # its mean is below the least float32

    assert faint.density().tolist() == [[0.0] * 6 + [7.0]]


def test_one_sharp_map_of_many_is_clipped_and_said():
    maps = [peaked(3.0)] * 4 + [peaked(200.0, places=1000)]

    scale = shared(maps)["density"]

    # 200 holds a thousandth of one map: a hundredth of all places exceeds 3, not more
    assert scale == Scale(0.0, 3.0, "density", clipped=True)
    assert scale.clipped_words == "higher values are drawn as 3"


def test_of_two_coarse_maps_none_is_clipped():
    scale = shared([peaked(3.0), peaked(9.0)])["density"]

    # 9 is no round end of a bar, 10 is
    assert scale == Scale(0.0, 10.0, "density")
    assert scale.clipped_words == ""


def test_a_peak_a_little_above_the_rest_is_not_clipped():
    # 41 of a thousand places lie at 4, and one at 5, which is within 1.3 times that
    values = np.full(1000, (1000 - 41 * 4.0 - 5.0) / 958)
    values[:41], values[41] = 4.0, 5.0

    assert shared([heat([values])])["density"] == Scale(0.0, 5.0, "density")


def test_a_flat_map_lies_in_the_middle_and_an_empty_one_at_the_end():
    flat, empty = heat(np.full((3, 5), 7.0)), heat(np.zeros((2, 3)))

    scale = shared([flat, empty])["density"]

    assert scale == Scale(0.0, 2.0, "density")
    assert (shares_of(flat, scale) == 0.5).all()
    assert (shares_of(empty, scale) == 0).all()


def test_gates_that_fill_a_good_part_of_0_to_1_are_shown_on_all_of_it():
    scales = shared([heat([[0.1, 0.3]], "gate"), heat([[0.7, 0.2]], "gate")])

    assert scales == {"gate": Scale(0.0, 1.0, "gate")}


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        ([0.48, 0.53], 0.48, 0.53),
        ([0.481, 0.538], 0.48, 0.54),
        ([0.1, 1.9], 0.0, 2.0),
        ([-0.3, 0.8], -0.4, 0.8),
        ([250.0, 990.0], 200.0, 1000.0),
    ],
)
def test_other_gates_are_shown_between_round_values(values, low, high):
    scale = shared([heat([values], "gate")])["gate"]

    assert (scale.low, scale.high) == pytest.approx((low, high))


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0, -3.0, 1e8, 1e-8])
def test_gates_that_are_all_equal_have_a_scale_of_some_width(value):
    flat = heat(np.full((2, 3), value), "gate")

    scale = shared([flat])["gate"]

    assert scale.low <= value <= scale.high
    assert 0 < shares_of(flat, scale).mean() < 1


def test_gates_and_densities_have_a_scale_each():
    scales = shared([heat([[0.0, 1.0]], "gate"), peaked(3.0)])

    assert set(scales) == {"gate", "density"}


def test_each_map_from_its_own_lowest_to_its_own_highest():
    maps = [heat([[2.0, 4.0]]), heat([[0.5, 0.6]], "gate")]

    scales = shared(maps, "each")

    assert scales == {"density": OWN, "gate": OWN}
    for one in maps:
        np.testing.assert_array_equal(shares_of(one, scales[group_of(one)]), [[0, 1]])


def test_no_maps_have_no_scale():
    assert shared([]) == {}


def test_shares_are_bilinear_at_the_size_asked_for():
    scale = Scale(0.0, 2.0, "density")

    got = shares_of(heat([[0.0, 2.0]]), scale, (3, 4))

    # places at a quarter and three quarters of the way, the ends held
    np.testing.assert_allclose(got, np.tile([0, 0.25, 0.75, 1], (3, 1)), atol=1e-6)


@pytest.mark.parametrize(
    ("scale", "ticks"),
    [
        (Scale(0.0, 4.0, "density"), (0, 1, 2, 3, 4)),
        (Scale(0.0, 2.5, "density"), (0, 0.5, 1, 1.5, 2, 2.5)),
        (Scale(0.0, 1.0, "gate"), (0, 0.2, 0.4, 0.6, 0.8, 1)),
        (Scale(-0.4, 0.8, "gate"), (-0.4, -0.2, 0, 0.2, 0.4, 0.6, 0.8)),
        (Scale(0.0, 150.0, "density"), (0, 50, 100, 150)),
    ],
)
def test_ticks_are_round(scale, ticks):
    assert scale.ticks(6) == pytest.approx(ticks)


def test_labels_are_as_short_as_they_can_be():
    scale = Scale(-0.4, 1000.0, "gate")

    assert [scale.label(n) for n in (-0.4, 0.0, 0.15, 2.0, 1000.0)] == [
        "\N{MINUS SIGN}0.4",
        "0",
        "0.15",
        "2",
        "1000",
    ]


def test_the_bar_of_own_ranges_has_words_for_ticks():
    assert [OWN.label(tick) for tick in OWN.ticks()] == ["lowest", "highest"]
    assert "do not compare" in OWN.words


def test_a_scale_without_width_is_refused():
    with pytest.raises(
        OptionError, match=r"low must be below high.* got 1\.0 and 1\.0"
    ):
        Scale(1.0, 1.0, "gate")


def test_a_gate_has_no_place_among_densities():
    with pytest.raises(
        OptionError, match=r"kind 'gate', which has no place on a scale"
    ):
        shares_of(heat([[0.5]], "gate"), Scale(0.0, 2.0, "density"))


def test_an_unknown_scaling_is_refused():
    with pytest.raises(OptionError, match="scale cannot be 'every'"):
        shared([], "every")
