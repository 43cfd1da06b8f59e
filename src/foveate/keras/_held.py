"""The blocks that were put into a Keras model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from foveate.keras._graft import Graft
from foveate.records import GraftedBlock

__all__ = ["Held", "held_by", "row_of"]


@dataclass(frozen=True)
class Held:
    """One block of a model.

    Attributes:
        path: The name of its graft, after those of the models that hold it.
        site: That of the layer after which it stands.
        graft: The layer itself.
    """

    path: str
    site: str
    graft: Graft


def held_by(model: Any, prefix: str = "") -> list[Held]:
    """Return the blocks of a model, and of the models within it, in its order."""
    found = []
    for layer in getattr(model, "layers", ()):
        path = f"{prefix}{layer.name}"
        if isinstance(layer, Graft):
            found.append(Held(path, f"{prefix}{layer.site}", layer))
        elif isinstance(layer, keras.Model):
            found += held_by(layer, f"{path}/")
    return found


def row_of(held: Held) -> GraftedBlock:
    """Return what a record says of a block."""
    mean, largest, note = _amounts(held.graft)
    return GraftedBlock(
        path=held.site,
        position="after",
        map=held.graft.map,
        block=held.graft.block_name,
        start=held.graft.start,
        parameters=sum(math.prod(v.shape) for v in held.graft.trainable_variables),
        amount=mean,
        largest_amount=largest,
        note=note,
    )


def _amounts(graft: Graft) -> tuple[float | None, float | None, str]:
    """Return mean and largest of the amounts of a blend, and why there are none."""
    if graft.amount is None:
        return None, None, ""
    amounts = np.abs(keras.ops.convert_to_numpy(graft.amount).astype("float64"))
    if not np.isfinite(amounts).all():
        return None, None, "its amounts are not finite"
    return float(amounts.mean()), float(amounts.max()), ""
