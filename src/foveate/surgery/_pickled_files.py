"""Blocks from a file of the user's, ``my_blocks.py:MyBlock``, in a pickle.

Pickle finds a class by the name of its module, and a file that foveate imports has a
name of its own, which no other process knows. So what holds such blocks pickles, before
them, from which files they are; where that is read, the files are imported first.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from foveate._loading import FILE_MODULE, load_file
from foveate.errors import UnknownNameError

__all__ = ["Files", "files_of"]


class Files:
    """Files by the names of their modules, imported where a pickle of this is read."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = dict(files)
        for name, file in self.files.items():
            if name not in sys.modules:
                # its name tells when it was changed last: it is found by both
                sys.modules[name] = load_file(_found(Path(file)))

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Return how a pickle or a copy of this is read."""
        return Files, (self.files,)


def files_of(module: nn.Module) -> Files | None:
    """Return the files that define the layers of ``module``; None if none does."""
    names = {type(each).__module__ for each in module.modules()}
    files = {
        name: str(sys.modules[name].__file__)
        for name in sorted(names)
        if name.startswith(FILE_MODULE) and name in sys.modules
    }
    return Files(files) if files else None


def _found(file: Path) -> Path:
    """Return where a file is now: where it was, or in the working folder.

    Raises:
        UnknownNameError: Neither.
    """
    for path in (file, Path.cwd() / file.name):
        if path.is_file():
            return path
    raise UnknownNameError(
        f"what is read holds a block from {file}, which is not there, nor is "
        f"{file.name} in {Path.cwd()}. Put it in one of the two."
    )
