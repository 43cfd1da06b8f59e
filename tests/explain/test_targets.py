"""What a map is for, worked out by hand from small answers."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from foveate.errors import NoTargetError, OptionError, UnknownNameError
from foveate.explain.answers import answers_of
from foveate.explain.targets import (
    BoxTarget,
    ClassifierOutputTarget,
    SemanticSegmentationTarget,
    resolve,
)

LOGITS = torch.tensor([[0.0, math.log(3.0)], [math.log(4.0), 0.0]])


def answers(output, names=None, **options):
    model = nn.Linear(1, 1)
    model.names = names
    return answers_of(model, output, **options)


def only(found):
    """Return the one target of the one image."""
    ((target,),) = found
    return target


def test_without_a_target_it_is_the_likeliest_class_of_each_image():
    found = resolve(answers(LOGITS), None)

    # the shares are 3 of 1 + 3 and 4 of 4 + 1
    assert [each[0].label for each in found] == ["class 1 (0.75)", "class 0 (0.80)"]
    assert found[0][0].value(LOGITS[0]) == LOGITS[0, 1]


@pytest.mark.parametrize(
    "targets",
    [1, [1, 1], np.int64(1), torch.tensor([1, 1]), "dog", ["Dog", 1]],
    ids=repr,
)
def test_a_class_is_given_by_number_or_name_for_all_or_for_each(targets):
    found = resolve(answers(LOGITS, names=["cat", "dog"]), targets)

    assert [each[0].label for each in found] == ["dog (0.75)", "dog (0.20)"]


def test_one_image_may_have_several_targets():
    found = resolve(answers(LOGITS), [[0, None], 1])

    assert [[one.category for one in each] for each in found] == [[0, 1], [1]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_probabilities_are_not_taken_for_logits(dtype):
    shares = torch.tensor([[0.9, 0.02, 0.08], [0.1, 0.2, 0.7]], dtype=dtype)

    found = resolve(answers_of(nn.Softmax(1), shares), None)

    scores = [target.score for (target,) in found]
    assert scores == pytest.approx([0.9, 0.7], abs=4e-3)


def test_of_one_probability_a_pixel_it_is_where_that_is_above_a_half():
    shares = torch.tensor([[[[0.9, 0.4, 0.1], [0.6, 0.2, 0.0]]]])

    ((target,),) = resolve(answers_of(nn.Sigmoid(), shares), None)

    assert target.name == "class 0 on 33% of the pixels"


def test_a_single_logit_is_scored_by_its_sigmoid():
    target = only(resolve(answers(torch.tensor([[-math.log(3.0)]])), None))

    assert (target.category, target.score) == (0, pytest.approx(0.25))


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        (2, r"no class 2: this network has 2 classes, 0 to 1\."),
        (-1, r"no class -1"),
        (True, r"expected the number or name of a class.*got True \(bool\)"),
        (1.5, r"got 1\.5 \(float\)"),
        ([0], r"one for each image, 2, got 1\. .* a list of them within the list"),
        ([[], 0], r"an empty list of targets"),
        ("cat", r"'cat' is a name, and this network does not name its classes"),
        (ClassifierOutputTarget(5), r"no class 5"),
        (lambda answer: answer, r"must return one number as a tensor, got Tensor \(2,"),
        (lambda answer: 3.0, r"must return one number as a tensor, got float\."),
    ],
    ids=lambda value: getattr(value, "__name__", repr(value)),
)
def test_says_what_is_wrong_with_a_target(targets, words):
    with pytest.raises(OptionError, match=words):
        resolve(answers(LOGITS), targets)[0][0].value(LOGITS[0])


def test_offers_names_near_to_one_that_no_class_has():
    with pytest.raises(UnknownNameError, match=r"'cot'\. Did you mean 'cat'\?"):
        resolve(answers(LOGITS, names=["cat", "dog"]), "cot")


def test_a_likeliest_class_that_is_not_a_number_is_an_error():
    with pytest.raises(OptionError, match=r"logit of class 1 is nan.*float32"):
        resolve(answers(torch.tensor([[0.0, float("nan")]])), None)


def test_a_callable_gets_the_answer_to_its_image():
    first, second = resolve(answers(LOGITS), [None, lambda answer: answer[1] * 2])

    assert first[0].category == 1
    assert second[0].label == "a target of your own"
    assert second[0].value(torch.tensor([0.0, 4.0])) == 8


def test_a_callable_with_a_category_is_called_by_its_class():
    class Other:
        """As another library has it."""

        category = 1

        def __call__(self, answer):
            return answer[self.category]

    target = only(resolve(answers(LOGITS[:1], names=["cat", "dog"]), [Other()]))

    assert (target.label, target.category) == ("dog", 1)


def test_an_answer_that_is_not_understood_goes_to_callables_alone():
    unknown = answers((torch.zeros(1, 3), torch.ones(1, 8)))

    target = only(resolve(unknown, [lambda answer: answer[1].sum()]))

    assert target.value(unknown.each[0]) == 8
    with pytest.raises(OptionError, match=r"returned tuple of a tensor \(1, 3\), a te"):
        resolve(unknown, 0)


def scene(classes):
    """Return logits of pixels whose likeliest classes are given."""
    likeliest = torch.tensor(classes)
    return 10 * nn.functional.one_hot(likeliest, 3).permute(2, 0, 1)[None].float()


def test_of_pixels_it_is_the_most_frequent_class_that_is_not_the_first():
    logits = scene([[0, 0, 0, 0, 0], [1, 2, 2, 1, 2]])

    target = only(resolve(answers(logits), None))

    assert target.label == "class 2 on 30% of the pixels, class 0 aside"
    assert target.value(logits[0]) == 30


def test_of_pixels_it_is_the_first_class_where_there_is_no_other():
    target = only(resolve(answers(scene([[0, 0, 0]])), None))

    assert target.label == "class 0 on 100% of the pixels"


def test_a_class_of_no_pixel_is_looked_for_in_the_whole_image():
    logits = scene([[0, 0], [1, 1]])
    logits[0, 2] = 0.5

    target = only(resolve(answers(logits), 2))

    assert target.label == "class 2, predicted nowhere, on all pixels"
    assert target.value(logits[0]) == 2


def test_of_one_logit_a_pixel_it_is_where_that_is_above_zero():
    logits = torch.tensor([[[[3.0, -1.0, 2.0, -5.0]]]])

    target = only(resolve(answers(logits), None))

    assert target.label == "class 0 on 50% of the pixels"
    assert target.value(logits[0]) == 5


def test_a_mask_of_another_size_counts_the_share_of_each_place():
    logits = torch.tensor([[[1.0, 10.0]]])
    mask = np.array([[True, False, True, True], [False, False, True, True]])

    # a quarter of the first place and all of the second
    value = SemanticSegmentationTarget(0, mask)(logits)

    assert value == 10.25


def test_a_mask_has_two_axes():
    with pytest.raises(OptionError, match=r"mask must be \(H, W\), got \(1, 2, 3\)"):
        SemanticSegmentationTarget(0, np.zeros((1, 2, 3)))


def test_a_number_is_taken_in_single_precision():
    logits = torch.full((2, 40, 40), 100.0, dtype=torch.float16)

    value = SemanticSegmentationTarget(1, torch.ones(40, 40))(logits)

    # more than float16 holds
    assert (value.dtype, float(value)) == (torch.float32, 160_000)


def test_a_box_is_for_detectors_alone():
    target = only(resolve(answers(LOGITS[:1]), BoxTarget((0, 0, 1, 1))))

    with pytest.raises(OptionError, match=r"it is for what detectors find"):
        target.value(LOGITS[0])


@pytest.mark.parametrize(
    ("option", "words"),
    [({"most_boxes": 0}, "most_boxes"), ({"least_score": 1.5}, "least_score")],
)
def test_rejects_options_that_cannot_work(option, words):
    with pytest.raises(OptionError, match=words):
        resolve(answers(LOGITS), None, **option)


def test_an_error_of_a_missing_target_is_one_of_an_option():
    assert issubclass(NoTargetError, OptionError)


@pytest.mark.parametrize("size", [(6, 10), (3, 5), (12, 20), (5, 9)])
def test_a_mask_of_another_size_has_the_proportions_of_the_answer(size):
    logits = torch.ones(2, 6, 10)

    value = SemanticSegmentationTarget(0, torch.ones(size))(logits)

    assert value == 60


def test_a_mask_that_lies_on_its_side_is_refused():
    target = SemanticSegmentationTarget(0, torch.ones(160, 96))

    with pytest.raises(OptionError, match=r"96 x 160 .*got 160 x 96.*mask\.T"):
        target(torch.ones(2, 96, 160))
