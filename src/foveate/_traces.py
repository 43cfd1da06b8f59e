"""Say what an error was, and where in the user's code it arose."""

from __future__ import annotations

import re
import sysconfig
import traceback
from collections.abc import Sequence
from pathlib import Path

__all__ = ["in_one_line", "place", "seen"]

OURS = Path(__file__).parent
STDLIB = sysconfig.get_paths()["stdlib"]
INSTALLED = ("site-packages", "dist-packages")
TOOLS = ("numpy", "onnx", "onnxruntime", "onnxscript", "onnx_ir", "sympy", "torch")
QUOTED_FRAME = re.compile(r'File "([^"]+)", line (\d+)')
LONGEST = 300


def seen(problem: BaseException, besides: Sequence[Path] = (OURS,)) -> str:
    """Return what was raised, and where.

    Args:
        problem: The error.
        besides: Folders whose lines are not the user's.
    """
    says, where = in_one_line(problem), place(problem, besides)
    return f"{says} (at {where})" if where else says


def in_one_line(problem: BaseException) -> str:
    """Return the type and message of an error, shortened to one line.

    Example:
        >>> in_one_line(KeyError("stage5"))
        "KeyError: 'stage5'"
    """
    # torch's own messages go on with stack traces and hints after the first lines
    said = str(problem).split("\n\n")[0]
    text = f"{type(problem).__name__}: {' '.join(said.split())}".removesuffix(": ")
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def place(problem: BaseException, besides: Sequence[Path] = (OURS,)) -> str | None:
    """Return file and line of the innermost frame that is the user's own.

    Args:
        problem: The error.
        besides: Folders whose lines are not the user's.
    """
    frames = [
        (frame.filename, frame.lineno or 0)
        for frame in traceback.extract_tb(problem.__traceback__)
    ]
    # the compilers name the user's line in their message
    frames += [(file, int(line)) for file, line in QUOTED_FRAME.findall(str(problem))]
    own = [(file, line) for file, line in frames if _may_be_own(Path(file), besides)]
    if not own:
        return None
    file, line = own[-1]
    path = Path(file)
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return f"{shown}:{line}"


def _may_be_own(path: Path, besides: Sequence[Path]) -> bool:
    if not path.is_absolute() or any(path.is_relative_to(tool) for tool in besides):
        return False
    installed = next((path.parts.index(w) for w in INSTALLED if w in path.parts), None)
    if installed is None:
        return not path.is_relative_to(STDLIB)
    return path.parts[installed + 1] not in TOOLS
