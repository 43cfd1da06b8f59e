"""Which blocks may be reported: those whose tests pass and whose numbers agree."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.etree import ElementTree as Xml  # noqa: ICN001 - a word, not two letters

from benchmarks.agreement import disagreements
from foveate import blocks

__all__ = ["read_failures", "read_untested", "red_blocks", "refusals"]

ROOT = Path(__file__).parents[1]
FINISHED = (0, 1)
"""What pytest exits with where all tests ran, and none or some failed."""


def refusals(names: Sequence[str], *, contracts: bool) -> dict[str, str]:
    """Return why blocks may not be reported, by name.

    Args:
        names: Blocks that are about to be measured.
        contracts: Whether to run what all blocks promise too, which takes minutes.
    """
    red = red_blocks(names, contracts=contracts)
    for name in names:
        if name not in red and (found := disagreements(name)):
            red[name] = f"differs from the textbook form: {found[0]}"
    return red


def red_blocks(names: Sequence[str], *, contracts: bool) -> dict[str, str]:
    """Return the first test that fails, by the name of the block that it tests.

    A block none of whose own tests passed is red too.
    """
    files = {name: f"tests/blocks/test_{_stem(name)}.py" for name in names}
    chosen = sorted(set(files.values()))
    selection: list[str] = []
    if contracts:
        chosen.append("tests/contracts")
        # the names of blocks are parts of the names of tests
        stems = {_stem(name) for name in names} | set(names)
        selection = ["-k", " or ".join(sorted(stems))]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-n", "auto", *chosen]
        done = subprocess.run(  # noqa: S603 - our own tests
            [*command, *selection, f"--junitxml={report}"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode not in FINISHED or not report.exists():
            problem = " ".join(f"{done.stdout[-300:]} {done.stderr[-300:]}".split())
            return dict.fromkeys(names, f"its tests did not run: {problem}")
        found = report.read_text(encoding="utf-8")
        return {**read_untested(found, files), **read_failures(found, files)}


def read_failures(report: str, files: dict[str, str]) -> dict[str, str]:
    """Return the first failure of each block in a report of pytest.

    A failure of contracts that names no block, such as a file that cannot be read, is
    laid to all.

    Args:
        report: JUnit XML.
        files: By block, the file of its own tests.
    """
    red: dict[str, str] = {}
    for case in Xml.fromstring(report).iter("testcase"):  # noqa: S314
        if case.find("failure") is None and case.find("error") is None:
            continue
        # a file that cannot be read is a case without a class
        test = case.get("name", "")
        module = case.get("classname") or test
        for name in _tested(module, test, files):
            red.setdefault(name, f"a test is red: {test}")
    return red


def read_untested(report: str, files: dict[str, str]) -> dict[str, str]:
    """Return the blocks that have no test of their own that passed, and say so.

    Args:
        report: JUnit XML.
        files: By block, the file of its own tests.
    """
    passed = {
        case.get("classname", "")
        for case in Xml.fromstring(report).iter("testcase")  # noqa: S314
        if not {child.tag for child in case} & {"failure", "error", "skipped"}
    }
    return {
        name: f"no test passed in {file}"
        for name, file in files.items()
        if _module(file) not in passed
    }


def _tested(module: str, test: str, files: dict[str, str]) -> Iterable[str]:
    """Return the blocks that a test is about."""
    parameters = re.search(r"\[(.*)\]$", test)
    words = set(re.split(r"[-.]", parameters[1])) if parameters else set()
    if parameters is None and module.startswith("tests.contracts"):
        yield from files
        return
    for name, file in files.items():
        if module == _module(file) or name in words:
            yield name


def _module(file: str) -> str:
    return file.removesuffix(".py").replace("/", ".")


def _stem(name: str) -> str:
    return blocks.block_class(name).__module__.rpartition(".")[2]
