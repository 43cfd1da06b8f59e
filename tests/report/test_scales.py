"""Axes: what they hold and where their ticks are."""

import pytest

from foveate.report.scales import AddedScale, Scale, fit_scale


def test_a_value_beyond_the_axis_is_placed_at_its_end():
    scale = Scale(80, 90)

    assert [scale.place(value) for value in (70, 80, 85, 99)] == [0, 0, 0.5, 1]


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (80, 90, (80, 82, 84, 86, 88, 90)),
        (-1.2, 3.4, (-1, 0, 1, 2, 3)),
        (84.1, 84.9, (84.2, 84.4, 84.6, 84.8)),
    ],
)
def test_ticks_are_round_and_few(low, high, ticks):
    assert Scale(low, high).ticks() == pytest.approx(ticks)


def test_the_axis_grows_towards_an_interval_only_so_far():
    scale = fit_scale([80, 90], [0, 91])

    # A half of the span of 10 downwards, all of 1 upwards, and 5 % of 16 of padding.
    assert (scale.low, scale.high) == pytest.approx((74.2, 91.8))


def test_equal_values_lie_in_the_middle_of_an_axis_that_has_a_width():
    scale = fit_scale([50, 50])

    assert scale.place(50) == pytest.approx(0.5)
    assert scale.high - scale.low >= 1


def test_zero_has_a_place_of_its_own_before_the_powers_of_ten():
    scale = AddedScale.of([0, 12, 5000])

    assert scale.ticks() == (0, 10, 100, 1000, 10_000)
    assert scale.place(0) < scale.place(10) < scale.place(12) < scale.place(5000) < 1


def test_of_many_powers_every_other_has_a_tick():
    assert AddedScale.of([12, 50_000_000]).ticks() == (10, 1000, 100_000, 10_000_000)


def test_where_nothing_is_added_zero_lies_in_the_middle():
    scale = AddedScale.of([0, 0])

    assert (scale.place(0), scale.ticks()) == (0.5, (0,))
