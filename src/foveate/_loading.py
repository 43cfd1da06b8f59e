"""Find what a module or a file of the user's holds, by its name."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from foveate import _checks, _traces
from foveate.errors import OptionError, UnknownNameError

__all__ = ["FILE_MODULE", "load", "load_file"]

FILE_MODULE = "foveate_target_"
"""How the name of a module begins that is a file of the user's."""


def load(text: str) -> Any:
    """Return what ``package.module:name`` or ``path/to/file.py:name`` names.

    Raises:
        UnknownNameError: There is no such module, file or name.
        OptionError: The module cannot be imported.

    Example:
        >>> load("collections:Counter.most_common").__qualname__
        'Counter.most_common'
    """
    source, _, name = text.rpartition(":")
    module = load_file(Path(source)) if source.endswith(".py") else _module(source)
    found: Any = module
    for step in name.split("."):
        if not hasattr(found, step):
            raise UnknownNameError(
                f"no {name!r} in {source}. {_checks.suggest(name, _offered(module))}"
            )
        found = getattr(found, step)
    return found


def _module(name: str) -> ModuleType:
    try:
        # a console script does not look there by itself
        with _looking_in(str(Path.cwd())):
            return importlib.import_module(name)
    except ModuleNotFoundError as problem:
        raise UnknownNameError(f"cannot import {name}: {problem}.") from problem
    except (Exception, SystemExit) as problem:
        raise OptionError(
            f"cannot import {name}: {_traces.seen(problem)}."
        ) from problem


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
    name = f"{FILE_MODULE}{path.stem}_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UnknownNameError(f"{path} is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        with _looking_in(str(path.parent.resolve())):
            spec.loader.exec_module(module)
    # a script that reads its arguments or ends by itself raises SystemExit
    except (Exception, SystemExit) as problem:
        del sys.modules[name]
        raise OptionError(
            f"cannot import {path}: {_traces.seen(problem)}."
        ) from problem
    return module


@contextmanager
def _looking_in(folder: str) -> Iterator[None]:
    """Find modules in ``folder`` first."""
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)


def _offered(module: ModuleType) -> list[str]:
    """Return the names of what a module itself defines and what can be called."""
    home = module.__name__.partition(".")[0]
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and callable(value)
        and (not isinstance(value, type | FunctionType) or _home(value) == home)
    ]


def _home(value: Any) -> str:
    return str(value.__module__).partition(".")[0]
