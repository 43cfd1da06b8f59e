"""Outputs of the original implementations, in float64, and how to meet them.

``tests/golden/cases.json`` holds, by case, the keys of the original state dict in order
and what the original answers once ``value_of`` has filled it. The numbers come from
other people's code, never from ours.
"""

import json
from pathlib import Path

import pytest
import torch

CASES = Path(__file__).parent.parent / "golden" / "cases.json"


def value_of(key, number, shape):
    """Return the values that a case puts into tensor ``number`` of a state dict."""
    index = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
    wave = torch.sin(0.7 * index + number + 1).reshape(shape)
    return 1 + 0.5 * wave**2 if key.endswith("running_var") else 0.2 * wave


def input_of(shape):
    index = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
    return (2 * torch.cos(0.31 * index)).reshape(shape)


def summary_of(y):
    flat = y.flatten()
    return {
        "sum": flat.sum().item(),
        "absolute_sum": flat.abs().sum().item(),
        "first": flat[0].item(),
        "middle": flat[len(flat) // 2].item(),
        "last": flat[-1].item(),
    }


@pytest.fixture
def assert_answers_as():
    """Return a check that a block answers as the original of a case does.

    ``ours`` maps each key of the original to ours; weights of linear layers become
    1x1 convolutions. Weights named in ``flipped`` read their inputs in reverse order.
    """

    def check(case_name, block, ours, *, flipped=()):
        case = json.loads(CASES.read_text(encoding="utf-8"))[case_name]
        block.double().eval()
        state = block.state_dict()
        for number, key in enumerate(case["keys"]):
            value = value_of(key, number, state[ours[key]].shape)
            state[ours[key]] = value.flip(1) if key in flipped else value
        block.load_state_dict(state, strict=True)

        y = block(input_of(case["input"]))

        want = dict(case["output"])
        assert list(ours) == case["keys"]
        assert sum(p.numel() for p in block.parameters()) == case["parameters"]
        assert list(y.shape) == want.pop("shape")
        assert summary_of(y) == pytest.approx(want, rel=1e-9, abs=0)

    return check
