"""Names beside dots do not lie on each other."""

import itertools

import pytest

from foveate.report.labels import Dot, Place, _box, find_places


def test_a_name_with_room_stands_to_the_right_of_its_dot():
    assert find_places([Dot(50, 50, "se")], width=300, height=100) == [Place(1, 0)]


def test_a_name_at_the_right_edge_stands_to_the_left():
    assert find_places([Dot(295, 50, "se")], width=300, height=100) == [Place(-1, 0)]


@pytest.mark.parametrize("gap", [0, 3, 20])
def test_names_of_close_dots_do_not_meet(gap):
    dots = [Dot(60, 100 + gap * n / 5, "coordinate") for n in range(6)]

    places = find_places(dots, width=300, height=300)

    boxes = [_box(dot, place) for dot, place in zip(dots, places, strict=True)]
    assert not any(one.meets(other) for one, other in itertools.combinations(boxes, 2))
    assert all(box.left >= 0 and box.right <= 300 for box in boxes)
