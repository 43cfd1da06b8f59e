"""Intervals, by hand."""

import pytest

from foveate.study.statistics import deviation, interval, seeds_needed


def test_the_interval_of_three_values_is_students():
    found = interval([1.0, 2.0, 3.0], resolution=0.001)

    # mean 2, deviation 1, t(0.975, 2) = 4.3026527, over the root of 3
    assert found.estimate == pytest.approx(2.0)
    assert found.high - 2.0 == pytest.approx(4.3026527 / 3**0.5)
    assert 2.0 - found.low == pytest.approx(4.3026527 / 3**0.5)


def test_a_family_of_five_widens_each_interval_by_bonferroni():
    found = interval([1.0, 2.0, 3.0], resolution=0.001, family=5)

    # t(1 - 0.05 / 5 / 2, 2) = 9.9248432
    assert found.high - 2.0 == pytest.approx(9.9248432 / 3**0.5)


def test_values_that_agree_by_luck_do_not_make_an_interval_of_no_width():
    found = interval([0.5, 0.5], resolution=0.01)

    # t(0.975, 1) = 12.7062047
    assert found.high - 0.5 == pytest.approx(12.7062047 * 0.01 / 2**0.5)


def test_one_value_has_no_interval_and_no_deviation():
    assert interval([0.5], resolution=0.01) is None
    assert deviation([0.5]) is None


def test_the_seeds_that_would_decide_are_counted_from_mean_and_spread():
    # mean 2, deviation 1: t(0.975, 3) / 2 = 1.591 < 2 < 2.484 = t(0.975, 2) / root 3
    assert seeds_needed([1.0, 2.0, 3.0], resolution=0.001, family=1) == 4


def test_a_difference_lost_in_its_spread_needs_more_seeds_than_anybody_trains():
    assert seeds_needed([-1.0, 1.01, 0.0], resolution=0.001, family=1) is None
    assert seeds_needed([1.0], resolution=0.001, family=1) is None
