"""What was measured of maps, from runs to rows."""

import numpy as np
import pytest

from foveate.study.look_files import Seen, Way
from foveate.study.look_scores import row_of

WAY = Way("layercam", ("layer2",), "asked for", images=2, removed=0)


def seen(energy, chance):
    heats = np.random.RandomState(0).random_sample((2, 3, 5)).astype(np.float32)
    return Seen(heats, {"energy": np.array(energy)}, {"energy": np.array(chance)})


def test_chance_is_the_mean_over_images_and_all_seeds():
    mine = {
        0: seen([0.5, 0.75], [0.125, 0.375]),
        1: seen([0.5, 0.5], [0.5, 0.5]),
        2: seen([0.25, 0.5], [0.25, 0.75]),
    }

    score = row_of("plain", mine, {}, {}, way=WAY, family=1).score("energy")

    # 0.25, 0.5 and 0.5
    assert score.chance == pytest.approx(1.25 / 3)
    # 0.625 - 0.25, 0.5 - 0.5 and 0.375 - 0.5
    assert score.over_chance.estimate == pytest.approx(0.25 / 3)
