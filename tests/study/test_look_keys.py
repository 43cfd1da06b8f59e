"""Looks are stale once anything changes that their numbers come from."""

import ast
import shutil
import types
from pathlib import Path

import pytest

import foveate
from foveate.study import codebase, look_keys

ROOT = Path(foveate.__path__[0])

ROOMS = {"explain", "pictures", "study", "surgery"}
"""Whose files make the numbers and pictures of looks."""

MAKE_NO_NUMBERS = {
    "_traces.py",
    "errors.py",
    "study/codebase.py",
    "study/folders.py",
    "study/look_keys.py",
    "study/machines.py",
    "study/summaries.py",
    "surgery/ultralytics/__init__.py",
    "surgery/ultralytics/_rows.py",
    "surgery/ultralytics/_trainer.py",
    "surgery/ultralytics/_weights.py",
}
"""They word errors, name files, rank what is measured and train other networks."""


def files_of(patterns):
    return {
        file.relative_to(ROOT).as_posix()
        for name in patterns
        for file in ROOT.glob(name)
    }


def path_of(module):
    """Return the file of a module of foveate, or None if there is none."""
    place = ROOT.joinpath(*module.split(".")[1:])
    tries = (place.with_suffix(".py"), place / "__init__.py")
    return next((file for file in tries if file.is_file()), None)


def imported_by(file):
    """Return the files of foveate that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module, *(f"{node.module}.{a.name}" for a in node.names)}
    ours = {name for name in names if name.startswith("foveate.")}
    return {found for name in ours if (found := path_of(name))}


def reached_from(start):
    """Return all that a file imports, through the rooms that look."""
    seen, left = set(), [start]
    while left:
        file = left.pop()
        if file not in seen:
            seen.add(file)
            left += imported_by(file)
    top = {file for file in seen if file.parent == ROOT}
    rooms = {file for file in seen if file.relative_to(ROOT).parts[0] in ROOMS}
    return {file.relative_to(ROOT).as_posix() for file in top | rooms}


@pytest.fixture
def digest_of(tmp_path, monkeypatch):
    """A function that returns the digest of a copy in which a file has changed."""
    shutil.copytree(
        ROOT, tmp_path / "copy", ignore=shutil.ignore_patterns("__pycache__", "*.so")
    )
    package = types.SimpleNamespace(__path__=[str(tmp_path / "copy")])
    monkeypatch.setattr(look_keys, "foveate", package)

    def of(name=None):
        if name is not None:
            with (tmp_path / "copy" / name).open("a") as file:
                file.write("\n")
        return look_keys.look_digest.__wrapped__()

    return of


def test_all_that_looking_imports_counts():
    needed = reached_from(ROOT / "study/looks.py")

    looking = *look_keys.SOURCES, *look_keys.SHARED
    in_keys_of_runs = *codebase.SOURCES, *codebase.HOST_SOURCES
    counted = files_of([*looking, *in_keys_of_runs])

    assert {"study/statistics.py", "surgery/running.py"} <= needed
    assert needed - counted <= MAKE_NO_NUMBERS


def test_a_change_of_what_others_use_too_makes_looks_stale(digest_of):
    names = [
        "explain/cams.py",
        "study/pairing.py",
        "study/statistics.py",
        "study/digit_scenes.py",
        "surgery/attention.py",
        "surgery/running.py",
    ]

    digests = [digest_of(name) for name in (None, *names)]

    assert len(set(digests)) == 1 + len(names)


def test_a_change_of_what_makes_no_number_leaves_looks_as_they_are(digest_of):
    before = digest_of()

    assert digest_of("cli/look.py") == before
