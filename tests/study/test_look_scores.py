"""What was measured of maps, from runs to rows."""

import numpy as np
import pytest

from foveate.study.look_files import Seen
from foveate.study.look_scores import row_of


def seen(energy, chance):
    heats = np.random.RandomState(0).random_sample((2, 3, 5)).astype(np.float32)
    return Seen(heats, {"energy": np.array(energy)}, {"energy": np.array(chance)})


def test_chance_is_the_mean_over_images_and_all_seeds():
    mine = {
        0: seen([0.5, 0.75], [0.125, 0.375]),
        1: seen([0.5, 0.5], [0.5, 0.5]),
        2: seen([0.25, 0.5], [0.25, 0.75]),
    }

    score = row_of("plain", mine, {}, {}, family=1).score("energy")

    # 0.25, 0.5 and 0.5
    assert score.chance == pytest.approx(1.25 / 3)
    # 0.625 - 0.25, 0.5 - 0.5 and 0.375 - 0.5
    assert score.over_chance.estimate == pytest.approx(0.25 / 3)


def test_an_interval_is_never_narrower_than_one_of_the_images_that_were_measured():
    heats = np.ones((8, 3, 5), np.float32)
    of_all, of_few = np.full(8, 0.5), np.full(2, 0.5)
    one = Seen(heats, {"energy": of_all, "road": of_few}, {"energy": of_all})

    row = row_of("plain", {0: one, 1: one}, {}, {}, family=1)

    # equal seeds: the deviation is taken as one image of 8, or of 2
    widths = [row.score(name).interval.half_width for name in ("energy", "road")]
    assert widths[1] == pytest.approx(4 * widths[0])
