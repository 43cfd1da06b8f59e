"""Weights of other people's code, loaded, give the answers of that code.

``tests/golden/cases.json`` holds, by case, a block of ours with its options, the keys
of the other code's state dict in order, and what that code answers in float64 once
``value_of`` has filled it. The numbers come from other people's code, never from ours.
"""

import json
from pathlib import Path

import pytest
import torch

import foveate as fv

CASES = json.loads(
    (Path(__file__).parents[1] / "golden/cases.json").read_text(encoding="utf-8")
)
WITH_KEYS = [name for name, case in CASES.items() if case["keys"]]


def value_of(key, number, shape):
    """Return the values that a case puts into tensor ``number`` of a state dict."""
    index = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
    wave = torch.sin(0.7 * index + number + 1).reshape(shape)
    return 1 + 0.5 * wave**2 if key.endswith("running_var") else 0.2 * wave


def inputs_of(case):
    return [
        2 * torch.cos(0.31 * torch.arange(torch.Size(shape).numel()).double() + number)
        for number, shape in enumerate(case["inputs"])
    ]


def block_of(case):
    options = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in case["options"].items()
    }
    return fv.create(case["block"], case["inputs"][0][1], **options).double().eval()


def state_of(case):
    """Return the state dict of the other code, filled in the order of its keys."""
    shapes = fv.interop.dump(block_of(case), case["source"])
    return {
        key: value_of(key, number, shapes[key].shape)
        for number, key in enumerate(case["keys"])
    }


def summary_of(y):
    flat = y.flatten()
    return {
        "shape": list(y.shape),
        "sum": flat.sum().item(),
        "absolute_sum": flat.abs().sum().item(),
        "first": flat[0].item(),
        "middle": flat[len(flat) // 2].item(),
        "last": flat[-1].item(),
    }


def assert_answers(block, case):
    maps = [
        x.reshape(shape)
        for x, shape in zip(inputs_of(case), case["inputs"], strict=True)
    ]
    answer = block(*maps)
    outputs = answer if isinstance(answer, tuple) else (answer,)
    for y, want in zip(outputs, case["outputs"], strict=True):
        found = summary_of(y)
        assert found.pop("shape") == want["shape"]
        numbers = {name: value for name, value in want.items() if name != "shape"}
        assert found == pytest.approx(numbers, rel=1e-9, abs=0)


def test_there_are_31_cases():
    assert len(CASES) == 31


@pytest.mark.parametrize("name", WITH_KEYS)
def test_answers_as_the_code_whose_source_is_named(name):
    case = CASES[name]
    block = block_of(case)

    loaded = fv.interop.load(block, state_of(case), source=case["source"])

    assert (loaded.source, loaded.missing, loaded.unexpected) == (
        case["source"],
        (),
        (),
    )
    assert_answers(block, case)


@pytest.mark.parametrize("name", WITH_KEYS)
def test_answers_as_the_code_that_the_keys_tell(name):
    case = CASES[name]
    block = block_of(case)

    fv.interop.load(block, state_of(case))

    assert_answers(block, case)


@pytest.mark.parametrize("name", [name for name in CASES if name not in WITH_KEYS])
def test_answers_as_code_that_has_no_weights(name):
    assert_answers(block_of(CASES[name]), CASES[name])


@pytest.mark.parametrize("name", CASES)
def test_has_as_many_parameters_as_the_original(name):
    block = block_of(CASES[name])

    assert sum(p.numel() for p in block.parameters()) == CASES[name]["parameters"]


@pytest.mark.parametrize("name", WITH_KEYS)
def test_weights_come_back_bit_for_bit_in_their_order(name):
    case = CASES[name]
    block, theirs = block_of(case), state_of(case)
    source = fv.interop.load(block, theirs).source

    back = fv.interop.dump(block, source)

    # the cases lack the counts of batches, which a block has
    found = {k: v for k, v in back.items() if not k.endswith("num_batches_tracked")}
    assert list(found) == list(theirs)
    assert all(torch.equal(found[key], value) for key, value in theirs.items())
    assert all(found[key].shape == value.shape for key, value in theirs.items())
