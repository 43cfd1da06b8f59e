"""What was seen of a run, and its file."""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foveate.explain.cams import Method
from foveate.records import LOOK_METRICS, LookMetric, whole_file
from foveate.study.look_keys import look_digest

__all__ = ["Numbers", "Seen", "Way", "identity_of", "load_seen", "save_seen"]

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Way:
    """How networks are looked at, the same for all of a comparison.

    Attributes:
        method: What makes the maps.
        layers: Where, by their paths.
        reason: How they were found.
        images: How many test images, the first ones.
        removed: On how many of them the class is watched while they vanish.
    """

    method: Method
    layers: tuple[str, ...]
    reason: str
    images: int
    removed: int

    @property
    def layer(self) -> str:
        """The layers, for people."""
        return ", ".join(self.layers)


@dataclass(frozen=True, eq=False)
class Seen:
    """The maps of one network and what was measured of them.

    Attributes:
        heats: ``(N, h, w)``, none below 0, at the resolution of the layer.
        scores: Each measure, one number an image.
        chance: The same by the boxes of other images, where there are boxes.
    """

    heats: NDArray[np.float32]
    scores: dict[LookMetric, Numbers]
    chance: dict[LookMetric, Numbers]


def identity_of(stamp: str, way: Way, which: str) -> str:
    """Return a hash of all that what is seen of a run depends on.

    Args:
        stamp: Of the run, as ``Folder.stamp`` returns it.
        way: How it is looked at.
        which: Whose weights: ``trained`` or ``random``.
    """
    said = [stamp, which, way.method, way.layers, way.images, way.removed]
    text = json.dumps([*said, look_digest()])
    return hashlib.sha256(text.encode()).hexdigest()


def save_seen(path: Path, identity: str, seen: Seen) -> None:
    """Write down what was seen, whole or not at all."""
    arrays: dict[str, Any] = {
        "identity": np.array(identity),
        "heats": seen.heats,
        **{f"score {metric}": values for metric, values in seen.scores.items()},
        **{f"chance {metric}": values for metric, values in seen.chance.items()},
    }
    with whole_file(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, **arrays)


def load_seen(path: Path, identity: str) -> Seen | None:
    """Return what was seen before, or None if that is not there or no longer true."""
    try:
        with path.open("rb") as file, np.load(file) as arrays:
            if arrays["identity"].item() != identity:
                return None
            return Seen(
                heats=arrays["heats"],
                scores=_named(arrays, "score"),
                chance=_named(arrays, "chance"),
            )
    except (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile):
        return None


def _named(arrays: np.lib.npyio.NpzFile, kind: str) -> dict[LookMetric, Numbers]:
    names = {metric: f"{kind} {metric}" for metric in LOOK_METRICS}
    return {metric: arrays[name] for metric, name in names.items() if name in arrays}
