"""A digest of the code that the numbers of a run depend on."""

from __future__ import annotations

import hashlib
import sys
import sysconfig
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from types import ModuleType

from torch import nn

import foveate
from foveate import surgery
from foveate.ops.kernels import native
from foveate.records import Host

__all__ = ["code_digest", "file_digest", "versions"]

PACKAGES = ("foveate", "torch", "numpy", "pillow", "scikit-learn")

SOURCES = (
    "_checks.py",
    "_networks.py",
    "_options.py",
    "ops/**/*.py",
    "ops/kernels/c/*",
    "blocks/_*.py",
    "backbones/*.py",
    "profile/*.py",
    "study/digit_scenes.py",
    "study/hosts.py",
    "study/training.py",
    "surgery/running.py",
)

HOST_SOURCES = ("_loading.py", "hosts/*.py")
"""What makes a host that is not ours, or gives one its weights."""

GRAFT_SOURCES = ("_selectors.py", "surgery/*.py")

INSTALLED = {"site-packages", "dist-packages"}
STDLIB = sysconfig.get_paths()["stdlib"]


def versions(model: nn.Module | None = None) -> dict[str, str]:
    """Return the versions of Python and of the packages that numbers depend on.

    Whether this machine compiles the kernels of ``foveate.ops`` is among them.

    Args:
        model: A network; the packages that its layers come from count too.
    """
    found = {
        "python": ".".join(map(str, sys.version_info[:3])),
        # they round otherwise than the references do
        "kernels of foveate": "none" if native.why_not() else "native",
    }
    for package in (*PACKAGES, *sorted(_packages_of(model) - {*PACKAGES})):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def code_digest(model: nn.Module, host: Host | None = None) -> str:
    """Return a hash of versions and sources that the numbers of a run depend on.

    Args:
        model: The network of the run. Of the files of blocks only those that it is
            made of count, so a change of one does not make the runs of others stale.
            The files of layers that stand in no installed package count too.
        host: What the recipe says of the host: a file that makes it counts.
    """
    root = Path(foveate.__path__[0])
    patterns = [*SOURCES]
    if host is not None and (host.weights is not None or not host.is_ours):
        patterns += HOST_SOURCES
    if surgery.planned(model) is not None:
        patterns += GRAFT_SOURCES
    files = {file for pattern in patterns for file in root.glob(pattern)}
    files |= {file for file in _files_of(model) if root in file.parents}
    digest = hashlib.sha256(repr(sorted(versions(model).items())).encode())
    for file in sorted(files):
        digest.update(file.relative_to(root).as_posix().encode())
        digest.update(file.read_bytes())
    for file in sorted(_users(_files_of(model) | _files_making(host))):
        digest.update(file.name.encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def file_digest(path: str | Path) -> str:
    """Return a hash of the bytes of a file."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files_of(model: nn.Module) -> set[Path]:
    """Return the files in which the classes of a network and its parts are written."""
    return {file for home in _homes(model) if (file := _file_of(home)) is not None}


def _homes(model: nn.Module) -> set[ModuleType]:
    names = {type(module).__module__ for module in model.modules()}
    return {sys.modules[name] for name in names if name in sys.modules}


def _file_of(home: ModuleType) -> Path | None:
    file = getattr(home, "__file__", None)
    return Path(file) if file else None


def _files_making(host: Host | None) -> set[Path]:
    """Return the file with the factory of a host of the user's."""
    source = "" if host is None else host.name.rpartition(":")[0]
    if source.endswith(".py"):
        return {Path(source)}
    home = sys.modules.get(source)
    file = None if home is None else _file_of(home)
    return set() if file is None else {file}


def _users(files: set[Path]) -> set[Path]:
    """Return the files that belong to no installed package."""
    ours = Path(foveate.__path__[0])
    return {
        file
        for file in files
        if not INSTALLED & {*file.parts}
        and not file.is_relative_to(STDLIB)
        and not file.is_relative_to(ours)
    }


def _packages_of(model: nn.Module | None) -> set[str]:
    """Return the installed packages that the layers of a network come from."""
    if model is None:
        return set()
    tops = {
        home.__name__.partition(".")[0]
        for home in _homes(model)
        if (file := _file_of(home)) is not None and INSTALLED & {*file.parts}
    }
    others = tops - {"foveate", "torch"}
    return {name for top in others for name in _distributions().get(top, ())}


@cache
def _distributions() -> Mapping[str, list[str]]:
    """Return which packages of pip bring each package of Python."""
    return packages_distributions()
