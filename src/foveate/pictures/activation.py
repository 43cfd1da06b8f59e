"""What class activation maps are returned as."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foveate.pictures.heat_map import HeatMap, resized
from foveate.pictures.target import Target

__all__ = ["Activation", "Values", "heat_of"]

Values = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Activation:
    """Class activation maps of a batch of images.

    Attributes:
        maps: ``(N, H, W)`` at the size of the images, bilinear, float32: from 0, the
            lowest of each map, to 1, its highest. A map that is 0 everywhere stays so.
        native: Of each layer ``(N, h, w)``, none below 0, before any scaling.
        layers: The paths of the layers.
        targets: What each map is for, one an image.
        method: The name of the method.
        reason: How the layers were found, for people.
    """

    maps: Values
    native: tuple[Values, ...]
    layers: tuple[str, ...]
    targets: tuple[Target, ...]
    method: str
    reason: str

    @classmethod
    def of(
        cls,
        native: Sequence[Values],
        size: tuple[int, int],
        *,
        layers: Sequence[str],
        targets: Sequence[Target],
        method: str,
        reason: str,
    ) -> Activation:
        """Return the maps of layers, and what they are at the size of the images."""
        heats = [
            heat_of([maps[image] for maps in native], method, layers, target)
            for image, target in enumerate(targets)
        ]
        return cls(
            maps=np.stack([heat.normalised(size) for heat in heats]),
            native=tuple(native),
            layers=tuple(layers),
            targets=tuple(targets),
            method=method,
            reason=reason,
        )

    def heat(self, image: int) -> HeatMap:
        """Return the map of one image, at its native resolution.

        Of several layers each map is divided by its highest, resized to the finest and
        averaged.
        """
        maps = [native[image] for native in self.native]
        return heat_of(maps, self.method, self.layers, self.targets[image])


def heat_of(
    maps: Sequence[Values], method: str, layers: Sequence[str], target: Target
) -> HeatMap:
    """Return the map of one image and target, its layers brought together."""
    return HeatMap(
        values=_together(maps),
        kind="activation",
        source=method,
        where=", ".join(layers),
        target=target.label,
    )


def _together(maps: Sequence[Values]) -> Values:
    if len(maps) == 1:
        return maps[0]
    finest = max(
        (values.shape for values in maps), key=lambda shape: shape[0] * shape[1]
    )
    shares = [values / (values.max() or np.float32(1)) for values in maps]
    sizes = (finest[0], finest[1])
    mean: Values = np.mean([resized(share, sizes) for share in shares], axis=0)
    return mean.astype(np.float32)
