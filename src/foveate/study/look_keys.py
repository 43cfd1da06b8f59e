"""Whether what was seen of a comparison still holds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import foveate
from foveate.errors import RecordError
from foveate.records import Grid, Looks
from foveate.study.codebase import versions
from foveate.study.folders import Folder

__all__ = ["kept_looks", "look_digest", "look_key", "looks_path"]

SOURCES = (
    "explain/**/*.py",
    "pictures/**/*.py",
    "study/gallery.py",
    "study/look_*.py",
    "study/looks.py",
    "study/pairing.py",
    "study/statistics.py",
)
"""What looks at trained networks. None of it counts in the key of a run."""

SHARED = (
    "_selectors.py",
    "_svg.py",
    "study/digit_scenes.py",
    "study/hosts.py",
    "study/training.py",
    "surgery/*.py",
)
"""What looking uses and others too; most of it counts in the keys of runs as well."""


@cache
def look_digest() -> str:
    """Return a hash of the code and packages that looking depends on."""
    root = Path(foveate.__path__[0])
    digest = hashlib.sha256(repr(sorted(versions().items())).encode())
    patterns = *SOURCES, *SHARED
    for file in sorted({file for pattern in patterns for file in root.glob(pattern)}):
        digest.update(file.relative_to(root).as_posix().encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def look_key(stamps: Sequence[str], looks: Looks) -> str:
    """Return a hash of the runs that were looked at, the way and the code.

    Args:
        stamps: Of the runs, as ``Folder.stamp`` returns them.
        looks: Says the way.
    """
    way = [looks.method, looks.layer, looks.images, looks.removed]
    said = json.dumps([list(stamps), way, look_digest()])
    return hashlib.sha256(said.encode()).hexdigest()


def looks_path(home: Folder) -> Path:
    """Return the file with what was seen in a comparison."""
    return home.looks / "looks.json"


def kept_looks(home: Folder, grid: Grid) -> Looks | None:
    """Return what was seen of a comparison, or None if nobody has looked.

    What other code saw, or in other runs, is not returned: only that this is so.
    """
    path = looks_path(home)
    if not path.exists():
        return None
    done = [home.stamp(run) for run in home.finished(grid)]
    try:
        looks = Looks.load(path)
    except RecordError:
        looks = Looks()
    if looks.key == look_key(done, looks):
        return looks
    return Looks(
        problem="what was seen before was seen by another version of foveate, or in "
        f"other runs. Look again: foveate look {home.path}"
    )
