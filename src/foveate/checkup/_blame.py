"""Tell whose error it is, and where in the user's code it came from."""

from __future__ import annotations

import re
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

__all__ = ["BlockError", "blaming"]

TORCH = Path(torch.__file__).parent
HERE = Path(__file__).parent
STDLIB = sysconfig.get_paths()["stdlib"]
INSTALLED = ("site-packages", "dist-packages")
TOOLS = ("numpy", "onnx", "onnxruntime", "onnxscript", "onnx_ir", "sympy")
QUOTED_FRAME = re.compile(r'File "([^"]+)", line (\d+)')
LONGEST = 300


class BlockError(Exception):
    """An error that came out of the block, and not out of a check.

    Attributes:
        problem: The error itself.
        says: Its type and message, shortened to one line.
        place: File and line of the block where it arose, if known.
    """

    def __init__(self, problem: Exception) -> None:
        self.problem = problem
        self.says = _in_one_line(problem)
        self.place = _place(problem)
        super().__init__(self.seen)

    @property
    def seen(self) -> str:
        """What was raised, and where."""
        return f"{self.says} (at {self.place})" if self.place else self.says


@contextmanager
def blaming(*, direct: bool = False) -> Iterator[None]:
    """Mark what the block raises within as its error; ours passes as it is.

    Args:
        direct: Whether an error may come straight out of a call of ours, as from
            arguments that do not fit, or from code in C.
    """
    try:
        yield
    except BlockError:
        raise
    except Exception as problem:
        if _is_ours(problem) and not direct:
            raise
        raise BlockError(problem) from problem


def _is_ours(problem: Exception) -> bool:
    """Return whether a line of the doctor's raised it, and nothing that it called."""
    frames = traceback.extract_tb(problem.__traceback__)
    return Path(frames[-1].filename).is_relative_to(HERE)


def _in_one_line(problem: Exception) -> str:
    # torch's own messages go on with stack traces and hints after the first lines
    said = str(problem).split("\n\n")[0]
    text = f"{type(problem).__name__}: {' '.join(said.split())}".removesuffix(": ")
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _place(problem: Exception) -> str | None:
    """Return file and line of the innermost frame that is the block's own."""
    frames = [
        (frame.filename, frame.lineno or 0)
        for frame in traceback.extract_tb(problem.__traceback__)
    ]
    # the compilers name the block's line in their message
    frames += [(file, int(line)) for file, line in QUOTED_FRAME.findall(str(problem))]
    own = [(file, line) for file, line in frames if _may_be_the_blocks(Path(file))]
    if not own:
        return None
    file, line = own[-1]
    path = Path(file)
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return f"{shown}:{line}"


def _may_be_the_blocks(path: Path) -> bool:
    if not path.is_absolute() or path.is_relative_to(TORCH):
        return False
    if path.is_relative_to(HERE):
        return False
    installed = next((path.parts.index(w) for w in INSTALLED if w in path.parts), None)
    if installed is None:
        return not path.is_relative_to(STDLIB)
    return path.parts[installed + 1] not in TOOLS
