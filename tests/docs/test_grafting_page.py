"""The guide on grafting says of selectors, starts and refusals what the code does."""

import ast
import re
from pathlib import Path
from typing import get_args

import pytest
from torch import nn

import foveate as fv
from foveate import catalog
from foveate.records import POSITIONS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/grafting.md").read_text(encoding="utf-8")
SOURCES = ROOT / "src/foveate"
SURGERY = [*sorted((SOURCES / "surgery").glob("*.py")), SOURCES / "_selectors.py"]


def rows_under(header):
    """Return the rows of the table whose header begins so, each a list of cells."""
    table = PAGE.partition(f"\n| {header} ")[2].partition("|\n")[2].partition("\n\n")[0]
    rows = [line.strip("|").split("|") for line in table.splitlines()]
    return [[cell.strip() for cell in row] for row in rows if "---" not in row[0]]


def said_in(source):
    """Return the texts of a file, without what is filled in."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            parts = [v.value for v in node.values if isinstance(v, ast.Constant)]
            yield " ".join(parts)
            yield from parts
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


SELECTORS = [
    (row[0].strip("`"), re.findall(r"`([^`]+)`", row[2]))
    for row in rows_under("selector | means")
]
FRAGMENTS = [row[0].strip("`") for row in rows_under("it says | why")]
IN_PYTHON = {
    "nn.MaxPool2d": nn.MaxPool2d,
    "lambda site: site.channels == 256": lambda site: site.channels == 256,
}


@pytest.fixture(scope="module")
def host():
    return fv.backbones.resnet10()


@pytest.mark.parametrize(("text", "paths"), SELECTORS)
def test_a_selector_means_the_layers_of_its_row(text, paths, host):
    selector = IN_PYTHON.get(text, text)

    found = fv.sites(host, (1, 3, 32, 32), at=selector)

    assert [site.path for site in found] == paths


def test_every_kind_of_selector_has_a_row():
    assert len(SELECTORS) == 11
    assert IN_PYTHON.keys() <= dict(SELECTORS).keys()


@pytest.mark.parametrize("fragment", FRAGMENTS)
def test_a_refusal_of_the_table_is_one_of_the_code(fragment):
    texts = [text for path in SURGERY for text in said_in(path.read_text())]

    assert any(fragment in text for text in texts)


def test_every_reason_against_a_site_stands_in_the_table():
    files = [ROOT / f"src/foveate/surgery/{name}.py" for name in ("_maps", "_refusals")]
    nodes = [node for path in files for node in ast.walk(ast.parse(path.read_text()))]
    returned = [node.value for node in nodes if isinstance(node, ast.Return)]
    reasons = [" ".join(said_in(ast.unparse(value))) for value in returned if value]
    reasons = [reason for reason in reasons if reason.endswith(".") or ". " in reason]

    missing = [
        reason for reason in reasons if not any(part in reason for part in FRAGMENTS)
    ]

    assert len(reasons) > 10
    assert missing == []


def test_positions_and_starts_have_a_row_each():
    positions = [row[0].strip("`") for row in rows_under("position | where")]
    starts = [row[0].strip("`") for row in rows_under("start | at first")]

    assert positions == list(POSITIONS)
    assert starts == list(get_args(catalog.Start))


def test_the_measured_table_has_every_block_and_start():
    rows = rows_under("block | paper | gate | identity")

    singles = [name for name in fv.names() if catalog.starts_of(name)]
    assert [row[0].strip("`") for row in rows] == singles
    for row, name in zip(rows, singles, strict=True):
        assert bool(row[2]) == ("gate" in catalog.starts_of(name))


def test_the_measured_table_says_that_nothing_was_lost():
    cells = [cell for row in rows_under("block | paper | gate") for cell in row[2:]]

    assert {cell for cell in cells if cell} == {"98.5%, 0"}
