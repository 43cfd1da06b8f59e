"""Runs: what they are called, and those that were written before there were plans."""

import pytest

from foveate.records import BlockChoice, Data, Host, PlanChoice, Run, Slot, Training

PLAN = PlanChoice(block="se", at=("layer4",))


def run(**fields):
    parts = {"data": Data(), "host": Host(), "slot": Slot(), "training": Training()}
    return Run(**{**parts, "block": None, "seed": 3, "code": "c", "key": "k", **fields})


@pytest.mark.parametrize(
    ("fields", "title"),
    [
        ({}, "plain, seed 3"),
        ({"block": BlockChoice(name="se")}, "se, seed 3"),
        ({"plan": PLAN}, "se at layer4, seed 3"),
    ],
)
def test_a_run_is_called_by_its_block_or_plan_and_its_seed(fields, title):
    assert run(**fields).title == title


def test_a_run_from_before_there_were_plans_is_read():
    old = run(block=BlockChoice(name="se")).plain()
    del old["plan"]
    for field in ("options", "weights", "reset"):
        del old["host"][field]

    assert Run.parse(old, "settings.yaml") == run(block=BlockChoice(name="se"))
