"""Which images a gallery shows."""

import numpy as np

from foveate.study.look_choice import choose
from foveate.study.look_files import Seen


def seen(*energy):
    return Seen(
        heats=np.ones((len(energy), 3, 5), np.float32),
        scores={"energy": np.array(energy)},
        chance={},
    )


def test_it_shows_the_first_images_and_those_with_most_and_least_gain():
    plain = seen(0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5)
    block = seen(0.9, 0.1, 0.5, 0.6, 0.4, 0.8, 0.3, 0.7, 0.5)

    chosen = choose({"plain": {0: plain}, "se": {0: block}})

    assert [one.image for one in chosen] == [0, 1, 2, 5, 7, 6, 4]
    assert [one.why for one in chosen] == ["first"] * 3 + ["gain"] * 2 + ["lose"] * 2


def test_a_gain_is_the_mean_over_blocks_and_seeds_that_plain_has():
    plain = {0: seen(0.5, 0.5), 1: seen(0.25, 0.5)}
    one = {0: seen(0.75, 0.5), 1: seen(0.5, 0.5)}
    other = {0: seen(0.5, 0.25), 2: seen(1.0, 1.0)}

    chosen = choose({"plain": plain, "se": one, "eca": other})

    # 0.25, 0.25 and 0; then 0, 0 and -0.25
    np.testing.assert_allclose([c.gain for c in chosen], [0.5 / 3, -0.25 / 3])


def test_images_in_which_nothing_changes_are_no_extremes():
    same = seen(0.5, 0.5, 0.5, 0.5, 0.5, 0.5)

    chosen = choose({"plain": {0: same}, "se": {0: same}})

    assert [(one.image, one.why) for one in chosen] == [(n, "first") for n in range(3)]


def test_of_images_with_the_same_gain_the_earlier_is_shown():
    plain = seen(*[0.5] * 8)
    block = seen(0.5, 0.5, 0.5, 0.75, 0.75, 0.75, 0.25, 0.25)

    chosen = choose({"plain": {0: plain}, "se": {0: block}})

    assert [one.image for one in chosen[3:]] == [3, 4, 6, 7]


def test_without_a_comparison_only_the_first_images_are_shown():
    chosen = choose({"plain": {0: seen(0.5, 0.25)}})

    assert chosen == [(0, "first", None), (1, "first", None)]
