"""The house itself: sizes, public names, versions, and what an import costs."""

import ast
import re
import statistics
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import foveate

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src").rglob("*.py"))


def lines_of(path):
    return len(path.read_text(encoding="utf-8").splitlines())


def run_python(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )


def test_no_file_is_over_400_lines_long():
    long = {str(p): lines_of(p) for p in SOURCES if lines_of(p) > 400}

    assert long == {}


def test_the_median_file_is_under_120_lines_long():
    assert statistics.median(lines_of(path) for path in SOURCES) < 120


def test_every_module_says_what_is_public():
    silent = [
        str(path.relative_to(ROOT))
        for path in SOURCES
        if path.name != "__main__.py"
        and not any(
            isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
            for node in ast.parse(path.read_text(encoding="utf-8")).body
        )
    ]

    assert silent == []


def test_public_names_are_these():
    assert sorted(foveate.__all__) == [
        "backbones",
        "blocks",
        "card",
        "catalog",
        "compare",
        "cost",
        "create",
        "doctor",
        "errors",
        "explain",
        "graft",
        "grafts",
        "hosts",
        "interop",
        "load",
        "look",
        "names",
        "ops",
        "pictures",
        "plan",
        "profile",
        "prune",
        "records",
        "save",
        "sites",
        "study",
        "surgery",
        "swap",
    ]


@pytest.mark.parametrize("name", [*foveate.__all__, "__version__"])
def test_every_public_name_resolves(name):
    assert getattr(foveate, name) is not None


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'grraft'"):
        _ = foveate.grraft


def test_the_changelog_and_the_citation_name_the_version_of_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    changelog = (ROOT / "CHANGELOG.md").read_text()
    citation = (ROOT / "CITATION.cff").read_text()

    top = re.search(r"^## (\S+)", changelog, re.MULTILINE)[1]
    cited = re.search(r"^version: (\S+)", citation, re.MULTILINE)[1]

    assert top == cited == project["version"] == foveate.__version__


@pytest.mark.parametrize(
    "code",
    [
        "import foveate",
        "import foveate; foveate.names(); foveate.card('cbam')",
        "import foveate.cli",
        "sys.argv = ['foveate', 'list']; import foveate.cli as c; c.main()",
        "sys.argv = ['foveate', '--help']; import foveate.cli as c; c.main()",
    ],
)
def test_what_must_answer_at_once_imports_no_tensor_library(code):
    block = "import sys; sys.modules.update(torch=None, numpy=None); "

    done = run_python(block + code)

    assert done.returncode == 0, done.stderr


def test_records_and_reports_import_no_tensor_library():
    block = "import sys; sys.modules.update(torch=None, numpy=None); "

    done = run_python(block + "import foveate.records, foveate.report")

    assert done.returncode == 0, done.stderr
