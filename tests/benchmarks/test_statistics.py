"""Means, medians and verdicts, by hand."""

import math

import pytest
from benchmarks.statistics import (
    at_least,
    at_most,
    geometric_mean,
    median,
    quartile_range,
)


def test_the_geometric_mean_of_two_and_eight_is_four():
    assert geometric_mean([2.0, 8.0]) == pytest.approx(4.0)


def test_the_geometric_mean_of_nothing_is_no_number():
    assert math.isnan(geometric_mean([]))


def test_the_median_of_an_even_number_of_values_is_between_the_middle_two():
    assert median([1.0, 2.0, 4.0, 100.0]) == 3.0


def test_the_quartiles_of_one_to_five_are_two_apart():
    assert quartile_range([1.0, 2.0, 3.0, 4.0, 5.0]) == 2.0


def test_a_single_value_has_no_spread():
    assert quartile_range([7.0]) == 0.0


def test_a_number_at_its_target_reaches_it():
    assert at_least("speed", 3.0, 3.0).reached
    assert at_most("memory", 0.4, 0.4).reached


def test_a_number_short_of_its_target_does_not_reach_it():
    assert not at_least("speed", 2.99, 3.0).reached
    assert not at_most("memory", 0.41, 0.4).reached


def test_no_number_reaches_nothing():
    assert not at_least("speed", math.nan, 0.0).reached
    assert not at_most("memory", math.nan, 1.0).reached
