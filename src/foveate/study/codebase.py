"""A digest of the code that the numbers of a run depend on."""

from __future__ import annotations

import hashlib
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import foveate
from foveate.blocks import block_class

__all__ = ["code_digest", "versions"]

PACKAGES = ("foveate", "torch", "numpy", "pillow", "scikit-learn")

SOURCES = (
    "_checks.py",
    "ops/*.py",
    "blocks/_*.py",
    "backbones/*.py",
    "profile/*.py",
    "study/digit_scenes.py",
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


@cache
def code_digest(block: str | None) -> str:
    """Return a hash of versions and sources that a run of ``block`` depends on.

    Args:
        block: A block by its name; None for the plain host. The files of other blocks
            are left out, so a change of one does not make the runs of others stale.
    """
    root = Path(foveate.__path__[0])
    files = {file for pattern in SOURCES for file in root.glob(pattern)}
    if block is not None:
        files.add(Path(str(sys.modules[block_class(block).__module__].__file__)))
    digest = hashlib.sha256(repr(sorted(versions().items())).encode())
    for file in sorted(files):
        digest.update(file.relative_to(root).as_posix().encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()
