"""A digest of the code that the numbers of a run depend on."""

from __future__ import annotations

import hashlib
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from torch import nn

import foveate

__all__ = ["code_digest", "versions"]

PACKAGES = ("foveate", "torch", "numpy", "pillow", "scikit-learn")

SOURCES = (
    "_checks.py",
    "ops/*.py",
    "blocks/_*.py",
    "backbones/*.py",
    "profile/*.py",
    "study/digit_scenes.py",
    "study/hosts.py",
    "study/training.py",
)


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that numbers depend on."""
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def code_digest(model: nn.Module) -> str:
    """Return a hash of versions and sources that the numbers of a run depend on.

    Args:
        model: The network of the run. Of the files of blocks only those that it is
            made of count, so a change of one does not make the runs of others stale.
    """
    root = Path(foveate.__path__[0])
    files = {file for pattern in SOURCES for file in root.glob(pattern)}
    files |= {file for file in _files_of(model) if root in file.parents}
    digest = hashlib.sha256(repr(sorted(versions().items())).encode())
    for file in sorted(files):
        digest.update(file.relative_to(root).as_posix().encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _files_of(model: nn.Module) -> set[Path]:
    """Return the files in which the classes of a network and its parts are written."""
    homes = {sys.modules[type(module).__module__] for module in model.modules()}
    return {Path(str(home.__file__)) for home in homes}
