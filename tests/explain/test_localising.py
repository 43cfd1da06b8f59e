"""How much of a map lies on an object: by hand, and by slow loops."""

import numpy as np
import pytest

from foveate.errors import OptionError, ShapeError
from foveate.explain.localising import (
    METRICS,
    energy_inside,
    iou_at_quantile,
    localise,
    pointing_game,
)
from foveate.pictures import HeatMap

HEIGHT, WIDTH = 6, 9


def boxes_and_heats(count=7):
    random = np.random.RandomState(0)
    left = random.randint(0, WIDTH - 3, count)
    top = random.randint(0, HEIGHT - 3, count)
    wide, high = random.randint(1, 4, count), random.randint(1, 4, count)
    boxes = np.stack([left, top, left + wide, top + high], axis=1)
    return boxes, random.random_sample((count, HEIGHT, WIDTH)).astype(np.float32)


def mask_of(box):
    left, top, right, bottom = box
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[top:bottom, left:right] = True
    return mask


def test_energy_is_the_share_of_the_map_in_the_box():
    heat = [[4.0, 0.0, 2.0], [1.0, 3.0, 0.0]]

    # column 0 holds 4 + 1 of 10; columns 1 and 2 of row 1 hold 3 of it
    assert energy_inside(heat, (0, 0, 1, 2)) == pytest.approx(0.5)
    assert energy_inside(heat, (1, 1, 3, 2)) == pytest.approx(0.3)


def test_a_box_and_its_mask_score_alike():
    boxes, heats = boxes_and_heats()

    for box, heat in zip(boxes, heats, strict=True):
        assert energy_inside(heat, box) == energy_inside(heat, mask_of(box))


def test_a_map_of_the_object_alone_has_all_three_scores_at_1():
    mask = mask_of((2, 1, 6, 4))

    scores = [f(mask * 0.3, mask) for f in (energy_inside, pointing_game)]

    assert [*scores, iou_at_quantile(mask * 0.3, mask)] == pytest.approx([1, 1, 1])


@pytest.mark.parametrize("value", [0.0, 0.1, 3e38, 1e-38])
def test_a_flat_map_scores_the_area_in_energy_and_pointing(value):
    heat = np.full((HEIGHT, WIDTH), value)

    for score in (energy_inside, pointing_game):
        assert score(heat, (1, 0, 4, 2)) == pytest.approx(3 * 2 / 54)


def test_a_flat_map_stays_tied_when_it_is_enlarged():
    heat = np.full((5, 7), 0.1)

    assert pointing_game(heat, (0, 0, 8, 10), size=(20, 16)) == pytest.approx(0.25)


def test_overlap_of_a_flat_map_is_that_of_a_share_of_each_place():
    # 6 of 54 places, each taken by 1/9: 6/9 shared, of 6 + 6 - 6/9
    want = (6 / 9) / (12 - 6 / 9)

    assert iou_at_quantile(np.ones((6, 9)), (1, 0, 4, 2)) == pytest.approx(want)


def test_overlap_takes_as_many_places_as_the_object_has():
    heat = [[9.0, 8.0, 7.0], [1.0, 2.0, 3.0]]

    # the two highest are in row 0, one of them in the box of two: 1 of 3
    assert iou_at_quantile(heat, (1, 0, 3, 1)) == pytest.approx(1 / 3)


def test_overlap_at_a_quantile_takes_the_share_above_it():
    heat = [[9.0, 8.0, 7.0, 6.0], [1.0, 2.0, 3.0, 4.0]]

    # a quarter of 8 places: 9 and 8, both in the box of four
    assert iou_at_quantile(heat, (0, 0, 4, 1), quantile=0.75) == pytest.approx(0.5)


def test_places_that_are_tied_at_the_cut_share_what_is_left():
    heat = [[5.0, 1.0, 1.0, 0.0]]

    # two are taken: the 5, and half of each 1; the box has the first 1 and the 5
    assert iou_at_quantile(heat, (0, 0, 2, 1)) == pytest.approx(1.5 / 2.5)


def test_tolerance_reaches_in_a_circle():
    heat = np.zeros((9, 11))
    heat[1, 3] = 1.0  # three columns left of the box and three rows above it
    box = (6, 4, 8, 6)

    # the distance is the root of 18, between 4 and 5
    assert [pointing_game(heat, box, tolerance=t) for t in (0, 4, 5)] == [0, 0, 1]


def test_tolerance_equals_a_slow_search_of_all_distances():
    random = np.random.RandomState(0)
    mask = random.random_sample((7, 12)) > 0.9
    rows, columns = np.nonzero(mask)

    for place in np.ndindex(mask.shape):
        heat = np.zeros(mask.shape)
        heat[place] = 1.0
        near = np.hypot(rows - place[0], columns - place[1]).min() <= 2
        assert pointing_game(heat, mask, tolerance=2) == near


def test_a_map_is_resized_to_the_image():
    heat = HeatMap(
        np.array([[0, 0], [0, 1]], np.float32), kind="activation", source="layercam"
    )

    assert pointing_game(heat, (3, 4, 5, 8), size=(8, 5)) == 1
    assert energy_inside(heat, (0, 0, 5, 8), size=(8, 5)) == pytest.approx(1)


def test_chance_is_the_mean_score_on_the_objects_of_all_other_images():
    boxes, heats = boxes_and_heats()

    found = localise(heats, boxes)

    for i, heat in enumerate(heats):
        others = [box for j, box in enumerate(boxes) if j != i]
        for metric, score in zip(
            METRICS, (energy_inside, pointing_game, iou_at_quantile), strict=True
        ):
            want = np.mean([score(heat, box) for box in others])
            assert found.scores[metric][i] == pytest.approx(score(heat, boxes[i]))
            assert found.chance[metric][i] == pytest.approx(want)


def test_chance_of_many_images_is_taken_on_a_part_for_overlap():
    boxes, heats = boxes_and_heats(50)

    found = localise(heats, boxes)

    exact = [
        np.mean([iou_at_quantile(h, box) for j, box in enumerate(boxes) if j != i])
        for i, h in enumerate(heats)
    ]
    assert found.chance["iou"].mean() == pytest.approx(np.mean(exact), abs=0.005)


def test_looking_at_the_middle_gains_nothing_where_all_objects_are():
    heat = np.zeros((HEIGHT, WIDTH))
    heat[2:4, 3:6] = 1.0

    found = localise([heat] * 4, [(2, 1, 7, 5)] * 4, size=(HEIGHT, WIDTH))

    assert found.scores["energy"] == pytest.approx(np.ones(4))
    for metric in METRICS:
        assert found.gains(metric) == pytest.approx(np.zeros(4))


def test_maps_of_zeros_are_counted_and_score_as_flat_ones():
    boxes, heats = boxes_and_heats(3)
    heats[1] = 0.0

    found = localise(heats, boxes)

    assert found.empty.tolist() == [False, True, False]
    assert found.area[1] == pytest.approx(mask_of(boxes[1]).mean())
    assert found.scores["energy"][1] == pytest.approx(found.area[1])
    assert found.scores["pointing"][1] == pytest.approx(found.area[1])


def test_maps_of_several_resolutions_go_together():
    boxes, heats = boxes_and_heats(2)
    small = heats[1][:2, :3]

    found = localise([heats[0], small], boxes, size=(HEIGHT, WIDTH))

    want = energy_inside(small, boxes[1], size=(HEIGHT, WIDTH))
    assert found.scores["energy"][1] == pytest.approx(want)


def test_a_broken_box_holds_the_pixels_whose_middle_it_holds():
    heat = [[1.0, 2.0, 4.0]]

    assert energy_inside(heat, (0.6, 0, 2.5, 1)) == pytest.approx(2 / 7)


def test_boxes_outside_the_image_are_refused_by_their_numbers():
    message = r"got \(1, 0, 10, 3\) in an image of 9 x 6 pixels.*size="
    with pytest.raises(ShapeError, match=message):
        energy_inside(np.ones((HEIGHT, WIDTH)), (1, 0, 10, 3))


@pytest.mark.parametrize(
    ("heat", "inside", "message"),
    [
        (np.ones((2, 3)), (1, 1, 1, 2), "must lie in it"),
        (np.ones((2, 3)), (0.6, 0, 0.9, 1), "hold the middle"),
        (np.ones((2, 3)), (0, 0, 1), r"boxes, \(N, 4\)"),
        (np.ones((2, 3)), np.zeros((2, 3), bool), "no pixel that is True"),
        (np.ones((2, 3)), np.ones((2, 3)), r"masks, bool.*float64"),
        (np.ones(3), (0, 0, 1, 1), r"must be \(h, w\), got \(3,\)"),
        (np.full((2, 3), np.nan), (0, 0, 1, 1), "not finite"),
        (-np.ones((2, 3)), (0, 0, 1, 1), "below 0, got -1"),
    ],
)
def test_what_is_no_map_or_no_object_is_refused(heat, inside, message):
    with pytest.raises(ShapeError, match=message):
        energy_inside(heat, inside)


def test_a_mask_of_another_size_than_the_image_is_refused():
    with pytest.raises(ShapeError, match=r"H, W = \(4, 5\), got \(1, 2, 3\)"):
        energy_inside(np.ones((2, 3)), np.ones((2, 3), bool), size=(4, 5))


def test_one_image_has_no_chance_level():
    with pytest.raises(ShapeError, match=r"got 1 images.*call energy_inside"):
        localise(np.ones((1, 2, 3)), [(0, 0, 1, 1)])


def test_each_map_needs_its_object():
    with pytest.raises(ShapeError, match="got 3 maps and 2 objects"):
        localise(np.ones((3, 2, 3)), [(0, 0, 1, 1)] * 2)


def test_boxes_of_maps_of_several_sizes_need_the_size_of_the_image():
    with pytest.raises(ShapeError, match=r"Give size=\(height, width\)"):
        localise([np.ones((2, 3)), np.ones((3, 2))], [(0, 0, 1, 1)] * 2)


@pytest.mark.parametrize("option", [{"tolerance": -1}, {"quantile": 1.0}])
def test_options_that_mean_nothing_are_refused(option):
    with pytest.raises(OptionError, match=next(iter(option))):
        localise(np.ones((2, 2, 3)), [(0, 0, 1, 1)] * 2, **option)


def test_gains_are_those_of_a_metric_that_there_is():
    found = localise(np.ones((2, 2, 3)), [(0, 0, 1, 1)] * 2)

    with pytest.raises(OptionError, match=r"metric cannot be 'enrgy'.*energy"):
        found.gains("enrgy")
