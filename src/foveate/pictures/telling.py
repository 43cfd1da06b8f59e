"""What was seen as plain values, for JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from foveate.pictures.gate_words import describe, plain_values
from foveate.pictures.gates import channel_statistics
from foveate.pictures.lettering import plain

if TYPE_CHECKING:
    from foveate.pictures.maps import Maps

__all__ = ["heat_name", "plain_maps"]

SCHEMA = 1


def plain_maps(maps: Maps) -> dict[str, Any]:
    """Return what was seen as plain values; arrays are named as in ``maps.npz``."""
    return {
        "schema_number": SCHEMA,
        "said": list(maps.said),
        "images": [
            {
                "name": plain(one.picture.name),
                "size": list(one.picture.size),
                "notes": list(one.picture.notes),
                "maps": [
                    {
                        "array": heat_name(image, number),
                        "source": heat.source,
                        "where": heat.where,
                        "kind": heat.kind,
                        "target": heat.target,
                        "query": heat.query,
                        "box": heat.box,
                        "empty": heat.is_empty,
                    }
                    for number, heat in enumerate(one.heat)
                ],
            }
            for image, one in enumerate(maps.looked)
        ],
        "gates": [
            {
                "array": f"gates_{number}",
                "describe": describe(found := channel_statistics(gates)),
                **plain_values(found),
            }
            for number, gates in enumerate(maps.gates)
        ],
        "branches": [
            {
                "array": f"branches_{number}",
                "where": each.where,
                "block": each.block,
                "mean": each.values.mean(axis=0, dtype=np.float64).tolist(),
            }
            for number, each in enumerate(maps.branches)
        ],
        # names of files may hold what no text can
        "unread": [
            {"name": plain(each.name), "reason": plain(each.reason)}
            for each in maps.unread
        ],
    }


def heat_name(image: int, number: int) -> str:
    """Return what the array of a heat map is called."""
    return f"image_{image}_map_{number}"
