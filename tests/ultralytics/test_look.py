"""Where the networks of Ultralytics look: their answers, and the layers of them."""

import pytest
import torch

from foveate.errors import NoTargetError, OptionError
from foveate.explain.answers import answers_of
from foveate.explain.layers import default_layers
from foveate.explain.targets import BoxTarget, resolve

pytestmark = pytest.mark.ultralytics

FED = {
    "yolov8n": ("model.15", "model.18", "model.21"),
    "yolo11n": ("model.16", "model.19", "model.22"),
    "yolo26n": ("model.16", "model.19", "model.22"),
    "yolo11n-seg": ("model.16", "model.19", "model.22"),
    "yolo11n-pose": ("model.16", "model.19", "model.22"),
    "yolo11n-obb": ("model.16", "model.19", "model.22"),
}
"""By model, the layers that feed its head."""


def network(library, name):
    torch.manual_seed(0)
    return library.YOLO(f"{name}.yaml").model.eval()


def answered(model, x):
    return answers_of(model, model(x), images=len(x), size=x.shape[2:])


@pytest.mark.parametrize("name", FED)
def test_a_detector_is_looked_at_where_its_head_is_fed(library, name):
    watched = default_layers(network(library, name), torch.rand(1, 3, 64, 96))

    assert watched.paths == FED[name]
    assert watched.transform is None


@pytest.mark.parametrize("name", FED)
def test_every_place_of_every_level_is_a_candidate(library, name):
    answers = answered(network(library, name), torch.rand(2, 3, 64, 96))

    # 8 * 12, 4 * 6 and 2 * 3 places
    assert (answers.kind, len(answers.each)) == ("boxes", 2)
    assert answers.each[1].boxes.shape == (126, 4)
    assert answers.each[1].logits.shape == (126, answers.number_of_classes)
    torch.testing.assert_close(
        answers.each[1].logits.sigmoid(), answers.each[1].class_scores
    )


@pytest.mark.parametrize("name", ["yolov8n", "yolo11n"])
def test_a_box_has_its_gradient_in_the_levels_it_came_from(build, name):
    model, x = build(name).model, torch.rand(1, 3, 64, 96)
    watched = default_layers(model, x)
    seen = []
    handles = [
        module.register_forward_hook(lambda *args: seen.append(args[2]))
        for module in watched.modules
    ]
    answers = answered(model, x)
    for handle in handles:
        handle.remove()
    fine = answers.each[0].boxes[40].tolist()

    ((target,),) = resolve(answers, BoxTarget(fine, least_overlap=0.9))
    found = torch.autograd.grad(
        target.value(answers.each[0]), seen, allow_unused=True, retain_graph=True
    )

    # the first level has 96 places, and nothing of the others reaches it
    assert answers.each[0].fixed
    assert [bool(each.any()) if each is not None else False for each in found] == [
        True,
        False,
        False,
    ]


def test_the_best_boxes_are_found(build, images):
    answers = answered(build("yolo11n").model, images)

    first, second = resolve(answers, None, most_boxes=3, least_score=0.25)

    assert len(first) == len(second) == 3
    assert first[0].score >= first[1].score >= first[2].score >= 0.25


def test_a_detector_that_has_not_learned_finds_no_box(library):
    answers = answered(network(library, "yolov8n"), torch.rand(1, 3, 64, 64))

    with pytest.raises(NoTargetError, match=r"no detection has a score of 0\.25 or mo"):
        resolve(answers, None)


@pytest.mark.parametrize("name", ["yolo26n", "yolo26n-seg", "yolo26n-obb"])
def test_a_head_that_chooses_by_itself_is_read(library, name):
    model = network(library, name)
    candidates = answered(model, torch.full((1, 3, 64, 96), 0.5)).each[0]
    model.model[-1].end2end = True

    answers = answered(model, torch.full((1, 3, 64, 96), 0.5))

    boxes = answers.each[0]
    assert (boxes.fixed, boxes.logits, answers.number_of_classes) == (False, None, 80)
    assert boxes.boxes.shape[1] == candidates.boxes.shape[1]
    assert resolve(answers, None, least_score=0.0)[0][0].box is not None


def test_queries_of_a_transformer_become_boxes_in_pixels(library):
    from ultralytics import RTDETR  # isort: skip

    torch.manual_seed(0)
    model = RTDETR("rtdetr-l.yaml").model.eval()

    answers = answered(model, torch.rand(1, 3, 64, 96))

    boxes = answers.each[0].boxes
    assert answers.kind == "boxes"
    # those of a network that has not learned lie all over the image
    middle = ((boxes[:, :2] + boxes[:, 2:]) / 2).mean(0).tolist()
    assert middle == pytest.approx([48, 32], rel=0.2)
    assert default_layers(model, torch.rand(1, 3, 64, 96)).paths == (
        "model.21",
        "model.24",
        "model.27",
    )


def test_a_classifier_answers_with_its_logits(library):
    model = network(library, "yolo11n-cls")
    x = torch.rand(2, 3, 224, 224)

    answers = answered(model, x)

    torch.testing.assert_close(torch.stack(answers.each), model(x)[1])
    assert answers.kind == "classes"
    assert default_layers(model, x[:1]).paths == ("model.9",)


def test_classes_that_were_named_are_asked_for_by_name(library):
    model = network(library, "yolo11n")
    model.names = dict(enumerate(["cat", *map(str, range(1, 80))]))
    answers = answered(model, torch.rand(1, 3, 64, 64))

    (target,) = resolve(answers, "cat", least_score=0.0)[0]

    assert target.label.startswith("cat (")


def test_what_wraps_a_network_is_looked_through(library):
    yolo = library.YOLO("yolov8n.yaml")

    assert default_layers(yolo, torch.rand(1, 3, 64, 64)).paths == FED["yolov8n"]


def test_no_answer_of_training_is_taken_for_boxes(library):
    model = network(library, "yolov8n")
    output = model.train()(torch.rand(2, 3, 64, 64))

    with pytest.raises(OptionError, match=r"the network returned dict of boxes: a ten"):
        resolve(answers_of(model, output, images=2), None)
