"""Find a class by the module or the file that it stands in."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from foveate import _checks
from foveate.checkup._blame import BlockError, blaming
from foveate.errors import OptionError, UnknownNameError

__all__ = ["load", "load_file"]


def load(text: str) -> Any:
    """Return what ``package.module:Class`` or ``path/to/file.py:Class`` names.

    Raises:
        UnknownNameError: There is no such module, file or class.
        OptionError: The module cannot be imported.
    """
    source, _, name = text.rpartition(":")
    module = load_file(Path(source)) if source.endswith(".py") else _module(source)
    found: Any = module
    for step in name.split("."):
        if not hasattr(found, step):
            known = [key for key, value in vars(module).items() if _is_class(value)]
            raise UnknownNameError(
                f"no {name!r} in {source}. {_checks.suggest(name, known)}"
            )
        found = getattr(found, step)
    return found


def _module(name: str) -> ModuleType:
    try:
        # a console script does not look there by itself
        with _looking_in(str(Path.cwd())), blaming():
            return importlib.import_module(name)
    except BlockError as problem:
        if isinstance(problem.problem, ModuleNotFoundError):
            raise UnknownNameError(
                f"cannot import {name}: {problem.problem}."
            ) from None
        raise OptionError(f"cannot import {name}: {problem.seen}.") from None


def load_file(path: Path) -> ModuleType:
    """Return the module in the file ``path``, under a name of its own.

    Raises:
        UnknownNameError: There is no such file.
        OptionError: It cannot be imported.
    """
    if not path.is_file():
        raise UnknownNameError(f"no file {path}.")
    # a name of its own, by which pickle finds its classes again; another after a change
    state = f"{path.resolve()} {path.stat().st_mtime_ns}"
    digest = sha256(state.encode()).hexdigest()[:8]
    name = f"foveate_target_{path.stem}_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UnknownNameError(f"{path} is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        with _looking_in(str(path.parent.resolve())), blaming():
            spec.loader.exec_module(module)
    except BlockError as problem:
        del sys.modules[name]
        raise OptionError(f"cannot import {path}: {problem.seen}.") from None
    return module


@contextmanager
def _looking_in(folder: str) -> Iterator[None]:
    """Find modules in ``folder`` first."""
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)


def _is_class(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, nn.Module)
