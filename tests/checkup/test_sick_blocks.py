"""The doctor finds each defect, by the right check, and blames nothing else."""

from pathlib import Path

import pytest

from foveate._loading import load_file
from foveate.checkup import CHECKS, doctor

CASES = load_file(Path(__file__).with_name("sick.py")).CASES


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.block.__name__)
def test_the_defect_is_found_and_nothing_else_is_blamed(case):
    diagnosis = doctor(case.block, channels=16, **case.told)

    assert {finding.check for finding in diagnosis.failed} == {case.finds}
    assert case.says in " ".join(str(diagnosis[case.finds]).split())
    assert not any("check itself broke" in f.cause for f in diagnosis.not_run)


def test_every_check_finds_a_defect():
    assert {case.finds for case in CASES} == {check.name for check in CHECKS}


def test_no_defect_is_shown_twice():
    names = [case.block.__name__ for case in CASES]

    assert len(set(names)) == len(names)
