"""What networks answer is read from any of the forms in which they return it."""

from collections import OrderedDict
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from foveate.explain.answers import Boxes, answers_of

PLAIN = nn.Linear(2, 2)


def named(names):
    model = nn.Linear(2, 2)
    model.names = names
    return model


@pytest.mark.parametrize(
    ("wrap", "kind"),
    [
        (lambda x: x, "classes"),
        (lambda x: (x,), "classes"),
        (lambda x: (x.softmax(1), x), "classes"),
        (lambda x: SimpleNamespace(logits=x), "classes"),
        (lambda x: {"logits": x}, "classes"),
        (lambda x: x[:, :, None, None], "classes"),
    ],
    ids=["tensor", "alone", "probabilities first", "object", "mapping", "one place"],
)
def test_logits_of_classes_are_found(wrap, kind):
    logits = torch.tensor([[1.0, -2.0, 0.5], [3.0, 0.0, 4.0]])

    answers = answers_of(PLAIN, wrap(logits))

    assert (answers.kind, answers.number_of_classes) == (kind, 3)
    torch.testing.assert_close(torch.stack(answers.each), logits)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda x: x,
        lambda x: OrderedDict(out=x, aux=x + 1),
        lambda x: (x, torch.zeros(2, 9)),
        lambda x: SimpleNamespace(loss=None, logits=x),
    ],
    ids=["tensor", "out and aux", "mask and label", "object"],
)
def test_logits_of_pixels_are_found(wrap):
    logits = torch.arange(2 * 3 * 5 * 7.0).reshape(2, 3, 5, 7)

    answers = answers_of(PLAIN, wrap(logits))

    assert (answers.kind, answers.number_of_classes) == ("pixels", 3)
    torch.testing.assert_close(torch.stack(answers.each), logits)


def test_one_logit_an_image_needs_the_number_of_images():
    logits = torch.tensor([0.5, -1.0])

    known, unknown = answers_of(PLAIN, logits, images=2), answers_of(PLAIN, logits)

    assert (known.kind, unknown.kind) == ("classes", "other")
    assert known.each[1].shape == (1,)


def test_gradients_pass_through_an_answer():
    logits = torch.zeros(2, 3, requires_grad=True)

    answers_of(PLAIN, logits).each[1][2].backward()

    assert logits.grad.tolist() == [[0, 0, 0], [0, 0, 1]]


def test_what_torchvision_detects_is_boxes():
    found = {
        "boxes": torch.tensor([[1.0, 2.0, 3.0, 4.0]]),
        "scores": torch.tensor([0.5]),
        "labels": torch.tensor([7]),
    }

    answers = answers_of(PLAIN, [found, found])

    assert (answers.kind, len(answers.each), answers.number_of_classes) == (
        "boxes",
        2,
        None,
    )
    assert isinstance(answers.each[0], Boxes)
    assert answers.each[1]["labels"].tolist() == [7]


def test_an_answer_of_another_kind_is_shared_out_by_image_as_it_came():
    output = [torch.arange(2.0), {"tokens": torch.zeros(2, 5, 3)}, "words"]

    answers = answers_of(PLAIN, output, images=2)

    first, mapping, words = answers.each[1]
    assert answers.kind == "other"
    assert (float(first), mapping["tokens"].shape, words) == (1, (5, 3), "words")
    assert answers.came == (
        "list of a tensor (2), dict of tokens: a tensor (2, 5, 3), str"
    )


@pytest.mark.parametrize(
    "output",
    [
        (torch.zeros(2, 3), torch.zeros(2, 8)),
        (torch.zeros(2, 3), torch.ones(2, 3)),
        torch.zeros(2, 3, dtype=torch.long),
        torch.zeros(2, 5, 3),
        torch.zeros(3, 4),
        None,
    ],
    ids=["features", "two heads", "labels", "tokens", "more images", "nothing"],
)
def test_what_may_mean_several_things_is_not_guessed(output):
    assert answers_of(PLAIN, output, images=2).kind == "other"


@pytest.mark.parametrize("names", [["cat", "dog"], {0: "cat", 1: "dog"}])
def test_classes_are_called_by_the_names_of_the_network(names):
    answers = answers_of(named(names), torch.zeros(1, 2))

    assert answers.name_of(1) == "dog"


@pytest.mark.parametrize("names", [{0: "0", 1: "1"}, ["LABEL_0", "LABEL_1"], 5, None])
def test_names_that_are_but_numbers_are_no_names(names):
    answers = answers_of(named(names), torch.zeros(1, 2))

    assert (answers.names, answers.name_of(1)) == (None, "class 1")
