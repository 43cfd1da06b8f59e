"""A block's scores beside those of the plain host."""

import pytest

from foveate.study.pairing import pair, paired_difference

PLAIN = {0: 0.50, 1: 0.60, 2: 0.70}
RESOLUTION = 0.001


def test_seeds_that_only_one_of_them_has_are_in_no_difference():
    found = pair({1: 0.7, 2: 0.8, 3: 0.1}, PLAIN, resolution=RESOLUTION, family=1)

    assert found.pairs == 2
    assert found.difference.estimate == pytest.approx(0.1)
    assert found.mean == pytest.approx(1.6 / 3)


@pytest.mark.parametrize(
    ("less_is_better", "verdict", "wins"), [(False, "better", 3), (True, "worse", 0)]
)
def test_what_counts_as_better_depends_on_the_measure(less_is_better, verdict, wins):
    higher = {seed: score + 0.2 for seed, score in PLAIN.items()}

    found = pair(
        higher,
        PLAIN,
        resolution=RESOLUTION,
        family=1,
        less_is_better=less_is_better,
    )

    assert (found.verdict, found.wins) == (verdict, wins)


def test_a_difference_of_one_less_the_other_has_students_interval():
    mine = {0: 0.55, 1: 0.65, 2: 0.85}

    found = paired_difference(mine, PLAIN, resolution=RESOLUTION)

    # gains 0.05, 0.05 and 0.15: mean 0.25 / 3, deviation 0.0577350, t = 4.3026527
    assert found.estimate == pytest.approx(0.25 / 3)
    assert found.half_width == pytest.approx(0.1434217)


def test_one_seed_has_no_interval():
    assert paired_difference({0: 1.0}, {0: 0.5}, resolution=RESOLUTION) is None
