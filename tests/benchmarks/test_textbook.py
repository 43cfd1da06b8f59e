"""The textbook forms are right: they are what our blocks are compared with."""

import pytest
import torch

import foveate as fv
from benchmarks import agreement, textbook
from foveate import blocks, catalog


@pytest.mark.parametrize("name", textbook.FORMS)
def test_the_textbook_form_agrees_in_outputs_and_gradients(name):
    assert agreement.disagreements(name) == []


@pytest.mark.parametrize("name", textbook.FORMS)
def test_the_textbook_form_has_as_many_parameters(name):
    ours, form = agreement.create_both(name, 64, (9, 7))

    counts = [sum(p.numel() for p in block.parameters()) for block in (ours, form)]

    assert counts[0] == counts[1]


def test_every_block_has_a_textbook_form():
    known = {
        card.name
        for card in catalog.find()
        if issubclass(blocks.block_class(card.name), blocks.Block)
    }

    assert set(textbook.FORMS) == known


def test_both_blocks_have_the_same_weights_and_none_is_at_its_start():
    ours, form = agreement.create_both("spatial", 64, (9, 7))

    torch.testing.assert_close(ours.bn.weight, form.bn.weight)
    assert ours.bn.weight.abs().min() > 0


def test_a_linear_layer_takes_the_weights_of_a_convolution():
    ours = fv.create("se", 64)
    form = textbook.create("se", 64)

    textbook.copy_weights(ours, form)

    assert form.fc1.weight.shape == (4, 64)
    assert torch.equal(form.fc1.weight, ours.fc1.weight[:, :, 0, 0])


def test_weights_of_another_name_are_refused():
    with pytest.raises(RuntimeError, match="Unexpected key"):
        textbook.copy_weights(fv.create("eca", 64), textbook.create("se", 64))


def test_a_difference_is_found_and_says_where(monkeypatch):
    class Halved(textbook.FORMS["simam"]):
        def forward(self, x):
            return super().forward(x) / 2

    monkeypatch.setitem(textbook.FORMS, "simam", Halved)

    first = agreement.disagreements("simam")[0]

    assert first == "output in evaluation at 9x7: 1.0e+00 apart"


def test_distance_is_a_share_of_the_length_of_the_second():
    one, other = torch.tensor([3.0, 5.0]), torch.tensor([3.0, 4.0])

    assert agreement.distance(one, other) == pytest.approx(0.2)
