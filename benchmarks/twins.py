"""``python -m benchmarks.twins``: how equal Keras layers and blocks for PyTorch are.

Each backend of Keras runs in a process of its own, as a process has one. The table goes
between the two markers of docs/keras.md.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["BACKENDS", "Apart", "measure", "place", "read", "render"]

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "keras.md"
START, END = "<!-- twins:begin -->", "<!-- twins:end -->"
BACKENDS = {"torch": "PyTorch", "jax": "JAX", "tensorflow": "TensorFlow"}
TENSORFLOW = ROOT / ".venv-tensorflow" / "bin" / "python"


@dataclass(frozen=True)
class Apart:
    """How far a layer is from its block, at the most, on one backend.

    Attributes:
        largest: The largest value of an output.
        output: The largest difference of an output in float32.
        gradients: That of a gradient, of an input or of a weight, as a share of the
            largest of all gradients.
        relative: In float64, the largest difference as a share of the largest value of
            what is compared: an output, all gradients, or all running statistics.
    """

    largest: float
    output: float
    gradients: float
    relative: float


def measure(form: str, sizes: Sequence[tuple[int, int]] | None = None) -> Apart:
    """Return how far a form is from its block, at sizes in formats and modes."""
    from benchmarks.twinning import SIZES, Case, covering, pair

    single, double = [], []
    for size, data_format, training in covering(sizes or SIZES):
        for dtype, found in (("float32", single), ("float64", double)):
            case = Case(form, size, data_format, dtype)
            wanted = pair(case).of_torch(training=training)
            answer = pair(case).of_keras(training=training)
            found.append(_apart(wanted, answer))
    return Apart(
        largest=max(one["output"][1] for one in single),
        output=max(one["output"][0] for one in single),
        gradients=max(_share(one["gradients"]) for one in single),
        relative=max(_share(part) for one in double for part in one.values()),
    )


def _share(part: tuple[float, float]) -> float:
    apart, largest = part
    return apart / largest if largest else 0.0


def _apart(wanted: Any, found: Any) -> dict[str, tuple[float, float]]:
    """Return the largest difference and the largest value of each part."""
    parts = {
        "output": ({"": wanted.output}, {"": found.output}),
        "gradients": (wanted.gradients, found.gradients),
        "statistics": (wanted.statistics, found.statistics),
    }
    return {
        name: (
            _largest(theirs[key] - ours[key] for key in theirs),
            _largest(theirs.values()),
        )
        for name, (theirs, ours) in parts.items()
    }


def _largest(arrays: Iterable[Any]) -> float:
    return max((float(abs(values).max()) for values in arrays), default=0.0)


def render(found: Mapping[str, Mapping[str, Apart]]) -> str:
    """Return the table: a row a form, columns for each backend.

    Args:
        found: By backend, then by form.
    """
    backends = [backend for backend in BACKENDS if backend in found]
    kinds = ("output", "gradients")
    heading = [
        "layer",
        "largest output",
        *[f"{BACKENDS[b]}, {kind}" for b in backends for kind in kinds],
        *[f"{BACKENDS[b]}, float64" for b in backends],
    ]
    rows = [
        [
            f"`{form}`",
            f"{found[backends[0]][form].largest:.3g}",
            *[
                _small(getattr(found[b][form], kind))
                for b in backends
                for kind in kinds
            ],
            *[_small(found[b][form].relative) for b in backends],
        ]
        for form in found[backends[0]]
    ]
    return "\n".join(_line(row) for row in (heading, ["---"] * len(heading), *rows))


def read(page: str) -> dict[str, dict[str, float]]:
    """Return the numbers of a page by form and heading."""
    table = page.partition(START)[2].partition(END)[0]
    lines = [line for line in table.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    if not cells:
        return {}
    heading = cells[0][1:]
    return {
        row[0].strip("`"): dict(zip(heading, map(float, row[1:]), strict=True))
        for row in cells[2:]
    }


def place(page: str, table: str) -> str:
    """Return a page with ``table`` between its two markers.

    Raises:
        ValueError: The page does not have both markers.
    """
    pattern = re.compile(f"{re.escape(START)}.*{re.escape(END)}", re.DOTALL)
    if not pattern.search(page):
        raise ValueError(f"The page has no {START} followed by {END}.")
    return pattern.sub(lambda _: f"{START}\n\n{table}\n\n{END}", page)


def main() -> None:
    """Measure in this process, or in one a backend and write the page."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.twins", description=__doc__
    )
    parser.add_argument("--forms", default="*", help="such as 'cbam*'")
    parser.add_argument(
        "--output", type=Path, help="write the table there, not to docs"
    )
    parser.add_argument(
        "--here", action="store_true", help="only KERAS_BACKEND, as JSON"
    )
    parser.add_argument(
        "--tensorflow",
        type=Path,
        default=TENSORFLOW,
        help="the Python that has it, if this one has not; default: %(default)s",
    )
    options = parser.parse_args()
    if options.here:
        print(json.dumps(_measured_here(options.forms)))
        return
    pythons = {b: _python_with(b, options.tensorflow) for b in BACKENDS}
    for backend in [b for b, python in pythons.items() if python is None]:
        print(f"{BACKENDS[backend]} is left out: not installed.", file=sys.stderr)
    found = {
        backend: _measured_by(python, backend, options.forms)
        for backend, python in pythons.items()
        if python is not None
    }
    table = render(found)
    if options.output:
        options.output.write_text(table, encoding="utf-8")
    elif options.forms == "*":
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(place(page, table), encoding="utf-8")
    print(table)


def _measured_here(pattern: str) -> dict[str, Any]:
    from benchmarks.twinning import forms

    return {form: asdict(measure(form)) for form in forms(pattern)}


def _measured_by(python: str, backend: str, pattern: str) -> dict[str, Apart]:
    """Return what a process of its own measured, by form."""
    print(f"{BACKENDS[backend]} runs.", file=sys.stderr)
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "JAX_ENABLE_X64": "1"}
    answer = subprocess.run(  # noqa: S603
        [python, "-m", "benchmarks.twins", "--here", "--forms", pattern],
        cwd=ROOT,
        env={**os.environ, **quiet, "KERAS_BACKEND": backend},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    found = json.loads(answer.stdout.splitlines()[-1])
    return {form: Apart(**numbers) for form, numbers in found.items()}


def _python_with(backend: str, other: Path) -> str | None:
    """Return the Python that has a backend: this one, or ``other`` for TensorFlow."""
    if importlib.util.find_spec(backend) is not None:
        return sys.executable
    return str(other) if backend == "tensorflow" and other.exists() else None


def _small(value: float) -> str:
    return f"{value:.1e}" if value else "0"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
