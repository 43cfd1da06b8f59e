"""The guide on cost says of columns, options and functions what there is."""

import re
from pathlib import Path

import typer

import foveate as fv
from foveate.cli import app
from foveate.ops._op import FASTEST, PATHS, REFERENCE
from foveate.report.costs import COST_HEADER

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/cost.md").read_text(encoding="utf-8")


def rows_under(header):
    """Return the rows of the table whose header begins so, each a list of cells."""
    table = PAGE.partition(f"\n| {header} ")[2].partition("|\n")[2].partition("\n\n")[0]
    rows = [line.strip("|").split("|") for line in table.splitlines()]
    return [[cell.strip() for cell in row] for row in rows if "---" not in row[0]]


def test_every_column_of_the_table_is_explained():
    names = [row[0].strip("`") for row in rows_under("column | what it is")]

    assert names == list(COST_HEADER)


def test_the_measured_table_is_one_that_the_command_prints():
    header = f"\n| {' | '.join(COST_HEADER)} |\n"
    rows = rows_under(" | ".join(COST_HEADER[:2]))

    assert header in PAGE
    assert {len(row) for row in rows} == {len(COST_HEADER)}
    assert [row[2] for row in rows[:3]] == ["ResNet", "+ se", "+ eca"]


def test_every_option_that_it_names_is_one_of_the_command():
    command = typer.main.get_command(app).commands["cost"]
    known = {word for parameter in command.params for word in parameter.opts}

    named = set(re.findall(r"(?<=[\s`])--[a-z]+", PAGE))

    assert len(named) > 10
    assert named <= known


def test_every_function_that_it_names_is_there():
    names = re.findall(r"`fv\.([a-z_.]+)\(", PAGE)

    assert len(names) > 6
    for name in names:
        found = fv
        for part in name.split("."):
            found = getattr(found, part)


def test_every_path_of_an_operation_is_named():
    for path in (*PATHS, REFERENCE, FASTEST):
        assert f"`{path}`" in PAGE


def test_the_variables_of_the_environment_are_those_that_are_read():
    source = (ROOT / "src/foveate/ops/kernels/native.py").read_text(encoding="utf-8")

    read = set(re.findall(r'"(FOVEATE_\w+)"', source))
    assert read == {
        row[0].strip("`").partition("=")[0] for row in rows_under("variable | meaning")
    }
