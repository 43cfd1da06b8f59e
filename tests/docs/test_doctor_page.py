"""The page on the doctor lists every check, and says of each what the check says."""

import inspect
import re
from pathlib import Path

from foveate.checkup import CHECKS, doctor

PAGE = (Path(__file__).parents[2] / "docs/doctor.md").read_text(encoding="utf-8")


def test_the_table_is_that_of_the_checks():
    rows = re.findall(r"^\| `(\w+)` \| (.*)\. \| (.*) \|$", PAGE, re.MULTILINE)

    assert rows == [(check.name, check.title, check.protects) for check in CHECKS]


def test_every_argument_stands_in_the_table():
    rows = re.findall(r"^\| `(\w+)` \| [^|]* \|$", PAGE, re.MULTILINE)

    assert rows == list(inspect.signature(doctor).parameters)[1:]
