"""Agreement between networks: by hand, and against scipy's rank correlation."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from foveate.errors import ShapeError
from foveate.explain.agreement import agreement


def test_the_whole_maps_are_compared_as_scipy_does_with_ties():
    random = np.random.RandomState(0)
    # few values, hence many ties
    heats = random.randint(0, 5, (3, 4, 6, 7)).astype(np.float32)

    found = agreement(heats)

    assert found.pairs == ((0, 1), (0, 2), (1, 2))
    for row, (a, b) in zip(found.whole, found.pairs, strict=True):
        for i, value in enumerate(row):
            want = spearmanr(heats[a, i].ravel(), heats[b, i].ravel()).statistic
            assert value == pytest.approx(want)


def test_own_is_what_is_left_beyond_the_mean_map_by_hand():
    # less their mean, the ranks are -1, 0, 1 for one image and 0, -1, 1 for the other
    one = [[[1.0, 2.0, 3.0]], [[5.0, 4.0, 6.0]]]
    # and here -1, 0, 1 and 1, 0, -1
    other = [[[1.0, 2.0, 3.0]], [[9.0, 8.0, 7.0]]]

    found = agreement([one, other])

    # what is left are their differences, -1, 1, 0 and -2, 0, 2, by half, both ways
    want = 2 / (np.sqrt(2) * np.sqrt(8))
    assert found.own == pytest.approx(np.full((1, 2), want))
    assert found.whole == pytest.approx(np.array([[1.0, -0.5]]))


def test_the_same_maps_up_to_a_rising_curve_agree_wholly():
    heats = np.random.RandomState(0).random_sample((4, 5, 6))

    found = agreement([heats, heats**3, 7 * heats])

    assert found.mean == pytest.approx(1)
    assert (found.lowest, found.highest) == pytest.approx((1, 1))


def test_the_same_middle_in_every_image_is_no_agreement():
    random = np.random.RandomState(0)
    rows, columns = np.mgrid[-1:1:9j, -1:1:11j]
    middle = np.exp(-(rows**2) - columns**2)
    heats = middle + 0.2 * random.random_sample((2, 40, 9, 11))

    found = agreement(heats)

    assert found.whole.mean() > 0.8
    assert abs(found.mean) < 0.05


def test_lowest_and_highest_are_means_of_pairs():
    random = np.random.RandomState(0)
    heats = random.random_sample((6, 5, 7))

    found = agreement([heats, heats, random.random_sample((6, 5, 7))])

    assert found.highest == pytest.approx(1)
    assert found.lowest == pytest.approx(found.own[1:].mean(axis=1).min())
    assert found.mean == pytest.approx(found.own.mean())


def test_flat_maps_agree_with_none_and_are_counted():
    heats = np.random.RandomState(0).random_sample((2, 4, 5, 6))
    heats[0, 1] = 0.0
    heats[1, 1] = 3.0
    heats[1, 2] = 0.5

    found = agreement(heats)

    assert found.flat.tolist() == [1, 2]
    assert found.whole[0, 1:3].tolist() == [0, 0]
    assert found.own[0, 1:3].tolist() == [0, 0]


def test_flat_maps_change_nothing_for_the_others():
    heats = np.random.RandomState(0).random_sample((2, 5, 4, 7))
    heats[:, [1, 3]] = 0.5
    others = [0, 2, 4]

    found = agreement(heats)

    want = agreement(heats[:, others])
    np.testing.assert_allclose(found.own[:, others], want.own)


def test_networks_of_other_resolutions_are_compared_at_the_finest():
    heats = np.random.RandomState(0).random_sample((3, 4, 5)).astype(np.float32)
    enlarged = heats.repeat(2, axis=1)

    assert agreement([heats, enlarged]).mean > 0.8


@pytest.mark.parametrize(
    "counts", [(3,), (3, 2), (1, 1), ()], ids=["one network", "uneven", "one", "none"]
)
def test_what_cannot_be_compared_is_refused(counts):
    with pytest.raises(ShapeError, match=f"got {len(counts)} networks with"):
        agreement([np.ones((count, 2, 3)) for count in counts])
