"""The house itself: sizes, public names, versions, and what an import costs."""

import ast
import os
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


def run_python(code, **environment):
    """Run a program in this environment, and these variables of it; None is unset."""
    names = {**os.environ, **environment}
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={name: value for name, value in names.items() if value is not None},
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
        "keras",
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


@pytest.mark.parametrize(
    "name",
    # keras has one backend a process, which its own tests name
    [*(name for name in foveate.__all__ if name != "keras"), "__version__"],
)
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


@pytest.mark.slow
@pytest.mark.parametrize(
    "code",
    [
        "import foveate.blocks, foveate.explain, foveate.surgery, foveate.study",
        "sys.argv = ['foveate', 'show', 'cbam']; import foveate.cli as c; c.main()",
        "sys.argv = ['foveate', 'list']; import foveate.cli as c; c.main()",
    ],
)
def test_what_has_no_need_of_keras_does_not_import_it(code):
    block = "import sys; sys.modules.update(keras=None, jax=None, tensorflow=None); "

    done = run_python(block + code)

    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_keras_layers_are_a_public_name_without_pytorch():
    create = "import foveate; print(foveate.keras.create('se', 8).card.name); "
    ask = "import sys; print('torch' in sys.modules)"

    done = run_python(create + ask, KERAS_BACKEND="jax")

    assert done.stdout.split() == ["se", "False"], done.stderr


def test_without_keras_the_layers_say_what_to_install():
    code = "import sys; sys.modules.update(keras=None); import foveate.keras"

    done = run_python(code)

    assert "pip install 'foveate[keras]'" in done.stderr.splitlines()[-1]


def test_pytest_collects_what_needs_a_backend_of_keras_only_if_one_is_named():
    code = "import conftest; print(*conftest.collect_ignore)"

    unnamed = run_python(code, KERAS_BACKEND=None).stdout.split()
    named = run_python(code, KERAS_BACKEND="jax").stdout.split()

    assert unnamed == ["tests/keras", "src/foveate/keras", "docs/keras.md"]
    assert named == []


def test_make_and_pytest_agree_on_what_needs_a_backend_of_keras():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    listed = re.search(r"^TWINS := (.*)$", makefile, re.MULTILINE)[1]

    code = "import conftest; print(*conftest.TWINS)"
    assert run_python(code).stdout.strip() == listed


def test_records_and_reports_import_no_tensor_library():
    block = "import sys; sys.modules.update(torch=None, numpy=None); "

    done = run_python(block + "import foveate.records, foveate.report")

    assert done.returncode == 0, done.stderr
