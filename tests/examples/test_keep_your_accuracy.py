"""The example that shows what grafting keeps and insertion destroys, made small."""

import importlib.util
from pathlib import Path

import pytest
import torch

import foveate as fv

FILE = Path(__file__).parents[2] / "examples/keep_your_accuracy.py"


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("keep_your_accuracy", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def data(example):
    return example.digits(images=300)


@pytest.fixture(scope="module")
def host(example, data):
    torch.manual_seed(0)
    model = fv.backbones.resnet10(width=16, stem="half", in_channels=1, num_classes=10)
    return example.train(model, data, steps=40, rate=3e-3)


SINGLE = [name for name in fv.names() if fv.catalog.starts_of(name)]
EXACT = [
    (name, start)
    for name in SINGLE
    for start in fv.catalog.starts_of(name)
    if start != "paper"
]


@pytest.mark.parametrize(("block", "start"), EXACT)
def test_accuracy_and_logits_are_exactly_those_of_the_trained_network(
    block, start, example, host, data
):
    trained = example.accuracy(example.logits_of(host, data), data)

    assert example.at_once(host, data, block, start) == (trained, 0.0)


def test_the_network_has_something_to_lose(example, host, data):
    # a guess is right one time in ten
    assert example.accuracy(example.logits_of(host, data), data) > 0.5


def test_a_block_as_its_paper_has_it_destroys_it(example, host, data):
    trained = example.accuracy(example.logits_of(host, data), data)

    share, change = example.at_once(host, data, "cbam", "paper")

    assert share < trained / 2
    assert change > 1


def test_training_moves_what_was_grafted(example, host, data):
    model = example.grafted(host, "se", "identity")

    example.train(model, data, steps=2, rate=1e-3)

    amounts = [v for k, v in model.state_dict().items() if k.endswith("amount")]
    assert len(amounts) == 3
    assert all(amount.abs().max() > 0 for amount in amounts)


def test_a_table_has_a_row_a_block_and_nothing_where_a_block_has_no_such_start(example):
    found = example.table(["se", "simam"], lambda block, start: f"{block} {start[0]}")

    assert found.splitlines() == [
        "| block | paper | gate | identity |",
        "| --- | --- | --- | --- |",
        "| `se` | se p | se g | se i |",
        "| `simam` | simam p |  | simam i |",
    ]
