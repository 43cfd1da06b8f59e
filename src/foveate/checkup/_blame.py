"""Tell whose error it is, and where in the user's code it came from."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from foveate import _traces

__all__ = ["BlockError", "blaming"]

TORCH = Path(torch.__file__).parent
HERE = Path(__file__).parent


class BlockError(Exception):
    """An error that came out of the block, and not out of a check.

    Attributes:
        problem: The error itself.
        says: Its type and message, shortened to one line.
        place: File and line of the block where it arose, if known.
    """

    def __init__(self, problem: Exception) -> None:
        self.problem = problem
        self.says = _traces.in_one_line(problem)
        # a block of ours is examined like one of the user's
        self.place = _traces.place(problem, besides=(TORCH, HERE))
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
