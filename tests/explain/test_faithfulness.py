"""Insertion, deletion and ROAD: by hand, and by slow loops."""

import math
import sys
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from foveate.errors import MissingExtraError, OptionError, ShapeError
from foveate.explain._imputing import imputed
from foveate.explain.faithfulness import deletion, insertion, random_heats
from foveate.explain.refilling import road


class Brightness(nn.Module):
    """Class 1 is what is bright in the left column, class 0 has the logit 0."""

    def forward(self, x):
        left = x[:, :, :, 0].sum(dim=(1, 2))
        return torch.stack([torch.zeros_like(left), left], dim=1)


def chance_of(logit):
    return 1 / (1 + math.exp(-logit))


def slow_imputed(image, missing):
    """Return the fixed point of taking the weighted mean of neighbours, by loops."""
    values = np.where(missing, 0.0, image)
    for _ in range(300):
        for row, column in zip(*np.nonzero(missing), strict=True):
            total = weights = 0.0
            for down in (-1, 0, 1):
                for right in (-1, 0, 1):
                    r, c = row + down, column + right
                    inside = 0 <= r < image.shape[1] and 0 <= c < image.shape[2]
                    if inside and (down or right):
                        weight = 1 / 12 if down and right else 1 / 6
                        total = total + weight * values[:, r, c]
                        weights += weight
            values[:, row, column] = total / weights
    return values


def test_deletion_is_the_area_under_the_curve_by_hand():
    x = torch.tensor([[[[3.0, 1.0], [2.0, 0.0]]]])
    heats = [[[4.0, 2.0], [3.0, 1.0]]]

    score = deletion(Brightness(), x, heats, [1], steps=4)

    # the mean is 1.5: the left column holds 5, then 3.5 and 3 for the rest
    curve = [chance_of(logit) for logit in (5, 3.5, 3, 3, 3)]
    want = sum((a + b) / 2 for a, b in pairwise(curve)) / 4
    assert score == pytest.approx([want])


def test_logits_that_add_up_to_1_at_one_step_are_no_probabilities():
    x = torch.tensor([[[[1.0, 3.0], [0.0, 0.0]]]])
    heats = [[[4.0, 2.0], [3.0, 1.0]]]

    score = deletion(Brightness(), x, heats, [1], steps=4)

    # the mean is 1, so the left column holds 1 at two steps, and then 2
    curve = [chance_of(logit) for logit in (1, 1, 2, 2, 2)]
    want = sum((a + b) / 2 for a, b in pairwise(curve)) / 4
    assert score == pytest.approx([want])


def test_insertion_is_the_area_under_the_curve_by_hand():
    x = torch.tensor([[[[3.0, 1.0], [2.0, 0.0]]]])
    heats = [[[4.0, 2.0], [3.0, 1.0]]]

    score = insertion(Brightness(), x, heats, [1], steps=4, ground="mean")

    curve = [chance_of(logit) for logit in (3, 4.5, 5, 5, 5)]
    want = sum((a + b) / 2 for a, b in pairwise(curve)) / 4
    assert score == pytest.approx([want])


def test_the_blurred_image_has_lost_what_was_in_it():
    x = torch.zeros(1, 1, 8, 12)
    x[..., 0] = 1.0

    score = insertion(Brightness(), x, np.ones((1, 8, 12)), [1], steps=1)

    # at the left border the Gaussian of deviation 12 / 8 is cut at its middle
    tail = [math.exp(-((place / 1.5) ** 2) / 2) for place in range(12)]
    start, end = chance_of(8 * tail[0] / sum(tail)), chance_of(8)
    assert score == pytest.approx([(start + end) / 2], abs=1e-6)


def test_a_constant_image_has_nothing_to_lose_in_a_blur():
    x = torch.full((1, 2, 5, 9), 0.2)

    score = insertion(Brightness(), x, random_heats(1, (5, 9)), [1], steps=7)

    # ten places of the left column, at every step
    assert score == pytest.approx([chance_of(2)], abs=1e-6)


def test_filling_equals_the_fixed_point_of_a_slow_loop():
    random = np.random.RandomState(0)
    image = random.standard_normal((2, 5, 7))
    missing = random.random_sample((5, 7)) < 0.6

    np.testing.assert_allclose(
        imputed(image, missing), slow_imputed(image, missing), atol=1e-9
    )


def test_one_missing_place_is_the_weighted_mean_of_its_neighbours():
    image = np.array([[[1.0, 2.0, 3.0], [4.0, 99.0, 6.0], [7.0, 8.0, 9.0]]])
    missing = np.zeros((3, 3), bool)
    missing[1, 1] = True

    # 20 / 6 of those beside it and 20 / 12 of those across
    assert imputed(image, missing)[0, 1, 1] == pytest.approx(5.0)
    assert image[0, 1, 1] == 99.0


def test_a_missing_corner_is_the_mean_of_the_neighbours_that_there_are():
    image = np.array([[[99.0, 2.0], [4.0, 8.0]]])

    filled = imputed(image, np.array([[True, False], [False, False]]))

    # 6 / 6 + 8 / 12, over weights of 5 / 12
    assert filled[0, 0, 0] == pytest.approx(4.0)


def test_a_plane_is_filled_with_itself():
    rows, columns = np.mgrid[:9, :13]
    plane = (2.0 * rows - columns)[None]
    missing = np.zeros((9, 13), bool)
    missing[2:7, 3:11] = True

    np.testing.assert_allclose(imputed(plane, missing), plane, atol=1e-12)


def test_where_all_is_missing_an_image_is_its_mean():
    image = np.arange(12.0).reshape(2, 2, 3)

    filled = imputed(image, np.ones((2, 3), bool))

    assert filled[0].tolist() == [[2.5] * 3] * 2
    assert filled[1].tolist() == [[8.5] * 3] * 2


def test_road_equals_a_slow_loop():
    random = np.random.RandomState(1)
    x = torch.from_numpy(random.standard_normal((2, 2, 4, 5)))
    heats = random.random_sample((2, 4, 5))
    network = Brightness().double()

    scores = road(network, x, heats, [1, 0], percentiles=(30, 80), noise=0.0)

    for i, category in enumerate((1, 0)):
        parts = []
        for count in (14, 4):  # 70 and 20 percent of 20
            order = np.argsort(heats[i].ravel())
            answers = []
            for gone in (order[:count], order[-count:]):
                missing = np.zeros(20, bool)
                missing[gone] = True
                filled = slow_imputed(x[i].numpy(), missing.reshape(4, 5))
                logits = network(torch.from_numpy(filled)[None])
                answers.append(logits.softmax(dim=1)[0, category].item())
            parts.append((answers[0] - answers[1]) / 2)
        assert scores[i] == pytest.approx(np.mean(parts), abs=1e-7)


def test_a_map_of_what_matters_scores_above_random_maps_and_its_reverse_below():
    torch.manual_seed(0)
    x = 2 * torch.rand(12, 1, 6, 8) * (torch.arange(8) == 0)
    heat = np.ones((12, 6, 8)) * (np.arange(8) == 0)
    network = Brightness()

    good, blind, bad = (
        road(network, x, h, [1] * 12, percentiles=(50, 90)).mean()
        for h in (heat, random_heats(12, (6, 8)), 1 - heat)
    )

    assert good > blind + 0.05
    assert bad < blind - 0.05


def test_random_maps_have_a_road_score_of_0_in_the_mean():
    torch.manual_seed(0)
    x = torch.rand(60, 1, 6, 8)

    scores = road(Brightness(), x, random_heats(60, (6, 8)), [1] * 60)

    # within three standard errors
    assert abs(scores.mean()) < 3 * scores.std() / math.sqrt(60)


@pytest.mark.parametrize("score", [deletion, insertion, road])
def test_batches_change_nothing_and_ties_are_broken_alike(score):
    torch.manual_seed(0)
    x = torch.rand(5, 3, 7, 9)
    heats = np.zeros((5, 3, 4))

    together = score(Brightness(), x, heats, [0, 1, 1, 0, 1])
    apart = score(Brightness(), x, heats, [0, 1, 1, 0, 1], batch_size=2)

    assert together == pytest.approx(apart, abs=1e-7)


def test_ties_are_not_broken_by_rows():
    x = torch.zeros(40, 1, 1, 10)
    x[:, :, :, 0] = 4.0
    flat = np.ones((40, 1, 10))

    scores = deletion(Brightness(), x, flat, [1] * 40, steps=10)

    # from the first column on it would always fall at the first step
    first = [*range(9, -1, -1)]
    by_rows = deletion(Brightness(), x, np.array([[first]] * 40), [1] * 40, steps=10)
    assert scores.std() > 0.05
    assert scores.mean() > by_rows.mean() + 0.05


def test_the_network_is_left_as_it_was():
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.LazyLinear(3)
    )
    x = torch.rand(2, 3, 6, 7)
    network(x)
    network[1].eval()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    numbers = torch.random.get_rng_state()

    for score in (deletion, insertion, road):
        score(network, x, np.ones((2, 6, 7)), [0, 2])

    assert [module.training for module in network] == [True, False, True, True]
    assert torch.equal(torch.random.get_rng_state(), numbers)
    assert all(p.grad is None for p in network.parameters())
    for key, value in network.state_dict().items():
        assert torch.equal(value, before[key])


def test_half_precision_works():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    x, heats = torch.rand(2, 1, 6, 7), random_heats(2, (6, 7))

    wide = road(network, x, heats, [0, 1])
    half = road(network.bfloat16(), x.bfloat16(), heats, [0, 1])

    assert half == pytest.approx(wide, abs=0.01)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"x": torch.ones(3, 6, 7)}, ShapeError, r"\(N, C, H, W\), got \(3, 6, 7\)"),
        ({"heats": np.ones((1, 6, 7))}, ShapeError, "2 images, 1 maps and 2 classes"),
        ({"categories": [1, 2]}, OptionError, "from 0 to 1.*got 2"),
        ({"categories": [-1, 0]}, OptionError, "from 0 to 1.*got -1"),
        ({"batch_size": 0}, OptionError, "batch_size must be greater than 0"),
        ({"percentiles": (20, 100)}, OptionError, r"below 100.*got \(20, 100\)"),
        ({"percentiles": ()}, OptionError, r"one or more numbers.*got \(\)"),
        ({"noise": -1.0}, OptionError, "noise must be a number from 0 on, got -1.0"),
        ({"model": nn.Identity()}, ShapeError, "a classifier that answers with logits"),
    ],
)
def test_what_does_not_fit_is_refused(change, error, message):
    given = {
        "model": Brightness(),
        "x": torch.ones(2, 1, 6, 7),
        "heats": np.ones((2, 6, 7)),
        "categories": [0, 1],
    }

    with pytest.raises(error, match=message):
        road(**(given | change))


@pytest.mark.parametrize("option", [{"steps": 0}, {"ground": "black"}])
def test_options_that_mean_nothing_are_refused(option):
    x = torch.ones(1, 1, 4, 5)

    for score in (deletion, insertion):
        with pytest.raises(OptionError, match=next(iter(option))):
            score(Brightness(), x, np.ones((1, 4, 5)), [0], **option)


def test_answers_that_are_not_finite_are_refused():
    x = torch.full((1, 1, 4, 5), math.inf)

    with pytest.raises(ShapeError, match=r"not finite.*float32"):
        deletion(Brightness(), x, np.ones((1, 4, 5)), [0])


def test_road_without_scipy_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.sparse", None)

    with pytest.raises(MissingExtraError, match=r"foveate\[compare\]"):
        road(Brightness(), torch.ones(1, 1, 4, 5), np.ones((1, 4, 5)), [0])


@pytest.mark.parametrize("score", [insertion, deletion, road])
def test_a_network_that_ends_in_a_softmax_scores_as_its_logits_do(score):
    logits = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 4))
    shares = nn.Sequential(logits, nn.Softmax(dim=1))
    x, heats = torch.randn(2, 3, 5, 7), random_heats(2, (5, 7))

    want = score(logits, x, heats, [1, 3])

    np.testing.assert_allclose(score(shares, x, heats, [1, 3]), want, atol=1e-6)


def test_a_network_without_values_is_refused():
    network = nn.Linear(3, 4, device="meta")

    with pytest.raises(OptionError, match=r"deletion: .* meta device"):
        deletion(network, torch.rand(2, 3, 5, 7), random_heats(2, (5, 7)), [0, 1])
