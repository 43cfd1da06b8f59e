"""Boxes, from a small head like that of Ultralytics and lists like torchvision's."""

import math

import pytest
import torch
from torch import nn

from foveate.errors import NoTargetError, OptionError
from foveate.explain._detections import overlaps, suppress
from foveate.explain.answers import answers_of
from foveate.explain.layers import default_layers
from foveate.explain.targets import BoxTarget, resolve


class Head(nn.Module):
    """Two levels, and at each place of them a box as large as it and two classes."""

    def __init__(self, **marks):
        super().__init__()
        self.nc, self.i, self.f = 2, 2, [0, 1]
        self.classes = nn.ModuleList([nn.Conv2d(4, 2, 1), nn.Conv2d(8, 2, 1)])
        for name, value in marks.items():
            setattr(self, name, value)

    def forward(self, maps):
        sides, logits = [], []
        for level, x in enumerate(maps):
            rows, columns = x.shape[2:]
            step = 8 * 2**level
            y, x_ = torch.meshgrid(
                torch.arange(rows), torch.arange(columns), indexing="ij"
            )
            middle = torch.stack([x_.flatten() + 0.5, y.flatten() + 0.5]) * step
            sides.append(torch.cat([middle, torch.full_like(middle, step)]))
            logits.append(self.classes[level](x).flatten(2))
        boxes, scores = torch.cat(sides, 1), torch.cat(logits, 2)
        decoded = torch.cat([boxes.expand(len(scores), -1, -1), scores.sigmoid()], 1)
        return decoded, {"scores": scores}


class Detector(nn.Module):
    """A network of rows, of which the last knows which of the others feed it."""

    def __init__(self, **marks):
        super().__init__()
        fine = nn.Conv2d(3, 4, 3, stride=8, padding=1)
        coarse = nn.Conv2d(4, 8, 3, stride=2, padding=1)
        self.model = nn.Sequential(fine, coarse, Head(**marks))

    def forward(self, x):
        fine = self.model[0](x)
        return self.model[2]([fine, self.model[1](fine)])


def decoded(rows, **marks):
    """Return what a network with these rows of candidates answers to one image."""
    output = torch.tensor(rows).T[None]
    return answers_of(Detector(**marks), (output, {}))


def listed(boxes, scores, labels):
    found = {
        "boxes": torch.tensor(boxes),
        "scores": torch.tensor(scores, requires_grad=True),
        "labels": torch.tensor(labels),
    }
    return answers_of(nn.Linear(1, 1), [found])


# two near each other of class 0, one of class 1 at the same place, one far from them
NEAR = [
    [10.0, 10.0, 8.0, 8.0, 0.90, 0.10],
    [11.0, 10.0, 8.0, 8.0, 0.80, 0.20],
    [10.0, 10.0, 8.0, 8.0, 0.05, 0.70],
    [40.0, 30.0, 10.0, 6.0, 0.60, 0.30],
]


def test_candidates_are_turned_from_middles_to_corners():
    boxes = decoded(NEAR).each[0]

    assert boxes.boxes[3].tolist() == [35, 27, 45, 33]
    assert boxes.labels.tolist() == [0, 0, 1, 0]
    torch.testing.assert_close(boxes.scores, torch.tensor([0.9, 0.8, 0.7, 0.6]))


def test_a_box_that_overlaps_a_better_one_of_its_class_does_not_count():
    # the first two share 7 * 8 of 9 * 8 pixels
    (found,) = resolve(decoded(NEAR), None, most_boxes=9)

    assert [one.label for one in found] == [
        "class 0 (0.90)",
        "class 1 (0.70)",
        "class 0 (0.60)",
    ]
    assert found[2].box == (35, 27, 45, 33)


def test_no_more_boxes_are_taken_than_asked_for():
    (found,) = resolve(decoded(NEAR), None, most_boxes=2)

    assert [one.score for one in found] == pytest.approx([0.9, 0.7])


def test_a_class_stands_for_the_best_boxes_of_it():
    (found,) = resolve(decoded(NEAR), 1, most_boxes=2)

    assert [one.score for one in found] == pytest.approx([0.7, 0.3])
    assert {one.category for one in found} == {1}


def test_a_score_that_is_too_low_is_an_error_that_says_the_best():
    with pytest.raises(
        NoTargetError,
        match=r"score of 0\.95 or more; the best is class 0 with 0\.9\. .*as 0\.4",
    ):
        resolve(decoded(NEAR), None, least_score=0.95)


def test_of_several_images_the_error_says_which_has_no_box():
    output = torch.tensor(NEAR).T.repeat(2, 1, 1)
    output[1, 4:] = 0.01
    answers = answers_of(Detector(), (output, {}))

    with pytest.raises(NoTargetError, match=r"no detection in image 1 of these"):
        resolve(answers, None)


def test_nothing_detected_is_an_error_that_says_so():
    empty = {
        "boxes": torch.zeros(0, 4),
        "scores": torch.zeros(0),
        "labels": torch.zeros(0, dtype=torch.long),
    }

    with pytest.raises(NoTargetError, match=r"the network detects nothing\."):
        resolve(answers_of(nn.Linear(1, 1), [empty]), None)


def test_a_class_that_a_detector_does_not_have_is_an_error():
    with pytest.raises(OptionError, match=r"no class 2: this network has 2 classes"):
        resolve(decoded(NEAR), 2)


def test_a_turned_box_is_given_by_the_upright_one_around_it():
    rows = [[10.0, 20.0, 8.0, 2.0, 0.9, 0.1, math.pi / 2]]

    boxes = decoded(rows, ne=1).each[0].boxes

    torch.testing.assert_close(boxes, torch.tensor([[9.0, 16.0, 11.0, 24.0]]))


def test_rows_of_a_head_that_chose_itself_are_read_as_they_are():
    rows = torch.tensor([[[1.0, 2.0, 5.0, 9.0, 0.75, 1.0]]])

    answers = answers_of(Detector(end2end=True), (rows, {}))
    ((target,),) = resolve(answers, None)

    assert (target.box, target.label) == ((1, 2, 5, 9), "class 1 (0.75)")


@pytest.mark.parametrize("row", [[0.9, 1.0], [0.1, 0.9]], ids=["row", "scores"])
def test_shares_of_the_image_become_pixels_by_its_size(row):
    rows = torch.tensor([[[0.5, 0.5, 0.5, 0.25, *row]]])

    answers = answers_of(Detector(num_queries=1), (rows, ()), size=(40, 80))
    ((target,),) = resolve(answers, None)

    assert (target.box, target.label) == ((20, 15, 60, 25), "class 1 (0.90)")


def test_the_score_of_a_candidate_is_taken_before_its_sigmoid():
    detector = Detector()
    answers = answers_of(detector, detector(torch.rand(1, 3, 32, 48)))

    ((target,),) = resolve(answers, 1, least_score=0.0)

    score = target.value(answers.each[0]).detach().sigmoid()
    assert float(score) == pytest.approx(target.score, abs=1e-6)


def test_a_box_has_its_gradient_in_the_levels_it_came_from():
    torch.manual_seed(1)
    detector, x = Detector(), torch.rand(1, 3, 32, 48)
    fine = detector.model[0](x)
    coarse = detector.model[1](fine)
    answers = answers_of(detector, detector.model[2]([fine, coarse]))
    ((target,),) = resolve(answers, BoxTarget((16, 8, 24, 16)))

    of_fine, of_coarse = torch.autograd.grad(
        target.value(answers.each[0]), [fine, coarse], allow_unused=True
    )

    # the box is 8 wide, hence the place in row 1 and column 2 of the fine level
    assert of_fine.abs().amax(1)[0].nonzero().tolist() == [[1, 2]]
    assert of_coarse is None or not of_coarse.any()


def test_a_detector_is_looked_at_where_its_head_is_fed():
    watched = default_layers(Detector(), torch.rand(1, 3, 32, 48))

    assert watched.paths == ("model.0", "model.1")
    assert watched.reason == "model.0 and model.1, which feed the head"


class Pyramid(nn.Module):
    """A body of two stages, and a level for each that hangs on the second."""

    def __init__(self):
        super().__init__()
        fine = nn.Conv2d(3, 4, 3, stride=8, padding=1)
        coarse = nn.Conv2d(4, 4, 3, stride=2, padding=1)
        self.backbone = nn.Module()
        self.backbone.body = nn.ModuleDict({"layer1": fine, "layer2": coarse})
        self.backbone.fpn = nn.Conv2d(4, 4, 1)

    def forward(self, x):
        fine = self.backbone.body["layer1"](x)
        coarse = self.backbone.body["layer2"](fine)
        return [self.backbone.fpn(fine) + coarse.mean(), self.backbone.fpn(coarse)]


def test_a_detector_with_a_pyramid_is_looked_at_below_it_however_small_the_map():
    watched = default_layers(Pyramid(), torch.rand(1, 3, 64, 96))

    assert watched.paths == ("backbone.body.layer2",)
    assert watched.reason == (
        "backbone.body.layer2, the last stage below the pyramid (4x6)"
    )


class Levels(nn.Module):
    """Maps that each find boxes by themselves, as SSD has them."""

    def __init__(self, *, whole):
        super().__init__()
        self.whole = whole
        self.backbone = nn.Module()
        steps = [nn.Conv2d(3, 4, 3, stride=8), nn.Conv2d(4, 4, 1)]
        self.backbone.features = nn.Sequential(*steps)
        self.backbone.extra = nn.ModuleList([nn.Conv2d(4, 4, 3, stride=2)])

    def forward(self, x):
        steps = [self.backbone.features] if self.whole else self.backbone.features
        maps = [x]
        for step in (*steps, *self.backbone.extra):
            maps.append(step(maps[-1]))
        return maps[1:]


@pytest.mark.parametrize(
    ("whole", "paths"),
    [
        (True, ("backbone.features", "backbone.extra.0")),
        (False, ("backbone.features.0", "backbone.features.1", "backbone.extra.0")),
    ],
)
def test_levels_that_find_boxes_by_themselves_are_all_looked_at(whole, paths):
    watched = default_layers(Levels(whole=whole), torch.rand(1, 3, 64, 96))

    assert watched.paths == paths


def test_a_box_that_was_given_means_the_detection_that_overlaps_it_most():
    answers = listed([[0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 9.0, 9.0]], [0.9, 0.4], [1, 2])

    ((target,),) = resolve(answers, BoxTarget((0, 0, 8, 9)))

    assert (target.category, target.score) == (2, pytest.approx(0.4))
    target.value(answers.each[0]).backward()
    assert answers.each[0].scores.grad.tolist() == [0, 1]


def test_a_box_with_a_class_means_a_detection_of_that_class():
    answers = listed([[0.0, 0.0, 8.0, 9.0], [0.0, 0.0, 8.0, 8.0]], [0.9, 0.4], [1, 2])

    ((target,),) = resolve(answers, BoxTarget((0, 0, 8, 9), category=2))

    assert target.box == (0, 0, 8, 8)


def test_of_candidates_that_say_the_same_the_best_is_meant():
    answers = decoded(NEAR)

    # overlaps the second fully, which goes in favour of the first
    ((target,),) = resolve(answers, BoxTarget((7, 6, 15, 14), category=0))

    assert target.score == pytest.approx(0.9)


def test_a_box_that_nothing_overlaps_is_an_error_with_the_best_overlap():
    answers = listed([[0.0, 0.0, 10.0, 10.0]], [0.9], [1])

    # 5 * 2 of 10 * 10 + 10 * 2 - 10 pixels
    with pytest.raises(
        NoTargetError, match=r"by 0\.5 or more; the best overlap is 0\.09"
    ):
        resolve(answers, BoxTarget((5, 0, 15, 2)))


@pytest.mark.parametrize("box", [(0, 0, 0, 5), (3, 0, 2, 5), (1, 2, 3)])
def test_a_box_without_pixels_is_refused(box):
    with pytest.raises(OptionError, match=r"left < right and top < bottom"):
        BoxTarget(box)


def test_a_detection_is_found_again_in_another_answer():
    first = listed([[0.0, 0.0, 8.0, 8.0], [20.0, 0.0, 28.0, 8.0]], [0.9, 0.8], [1, 1])
    other = listed([[20.0, 0.0, 27.0, 8.0], [0.0, 0.0, 8.0, 8.0]], [0.7, 0.6], [1, 2])
    ((here, there),) = resolve(first, None, most_boxes=2)

    values = [float(one.value(other.each[0]).detach()) for one in (here, there)]

    # what is at the first place now is of another class
    assert values == [0, pytest.approx(0.7)]


def test_a_detection_without_pixels_is_found_again_too():
    answers = listed([[3.0, 2.0, 3.0, 6.0]], [0.9], [1])

    ((target,),) = resolve(answers, None)

    assert target.value(answers.each[0]).detach() == pytest.approx(0.9)


def test_overlaps_are_shares_of_the_union():
    box = torch.tensor([0.0, 0.0, 4.0, 4.0])
    others = torch.tensor(
        [[0.0, 0.0, 4.0, 4.0], [2.0, 2.0, 6.0, 6.0], [5.0, 5.0, 5.0, 5.0]]
    )

    # 2 * 2 of 16 + 16 - 4
    torch.testing.assert_close(overlaps(box, others), torch.tensor([1.0, 1 / 7, 0.0]))


def test_suppression_is_within_a_class_and_goes_from_the_best_down():
    boxes = torch.tensor([[0.0, 0.0, 9.0, 9.0]] * 3 + [[1.0, 0.0, 9.0, 9.0]])
    scores, labels = torch.tensor([0.2, 0.9, 0.5, 0.4]), torch.tensor([0, 0, 1, 1])

    assert suppress(boxes, scores, labels, most_overlap=0.5) == [1, 2]
