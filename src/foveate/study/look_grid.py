"""The images of a gallery as one picture: images x networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from foveate.pictures.grid import Cell, Grid
from foveate.pictures.heat_map import HeatMap
from foveate.pictures.overlay import Box
from foveate.pictures.scales import Scales
from foveate.pictures.seen import Picture
from foveate.records import Run
from foveate.study.digit_scenes import Images
from foveate.study.look_choice import EXTREMES, FIRST, Chosen
from foveate.study.look_files import Seen, Way

__all__ = ["Network", "box_in", "grid_of", "picture_in"]


class Network(NamedTuple):
    """A network of a gallery.

    Attributes:
        run: The run that trained it.
        seen: What it sees in the test images.
        probabilities: What it says of them, of each class.
    """

    run: Run
    seen: Seen
    probabilities: NDArray[np.float32]

    def heat(self, image: int, way: Way) -> HeatMap:
        """Return where it looks in an image."""
        values = self.seen.heats[image]
        return HeatMap(values, "activation", source=way.method, where=way.layer)


def grid_of(
    test: Images,
    chosen: Sequence[Chosen],
    labels: Sequence[str],
    networks: Sequence[Network | None],
    *,
    way: Way,
    scale: Scales,
) -> Grid:
    """Return the images of a gallery as a grid: images x networks.

    Args:
        test: The test images.
        chosen: Which of them.
        labels: The names of the networks.
        networks: The networks; None for one that is missing.
        way: How it was looked.
        scale: That of the gallery.
    """
    rows = []
    for image, _, _ in chosen:
        picture, box = picture_in(test, image), box_in(test, image)
        cells = [
            Cell(None, missing="no such run")
            if network is None
            else Cell(
                picture,
                network.heat(image, way),
                caption=f"{network.seen.scores['energy'][image]:.0%} in the box",
                box=box,
            )
            for network in networks
        ]
        rows.append((Cell(picture, box=box), *cells))
    return Grid(
        title="Where each network looks",
        columns=("image", *labels),
        rows=tuple(f"test image {image}" for image, _, _ in chosen),
        cells=tuple(rows),
        notes=(
            f"{way.method} of the true class at {way.layer}.",
            "White: the digit's box. "
            f"The first {FIRST} test images; the {EXTREMES} in which blocks gain most "
            f"over plain by their energy in the box, and the {EXTREMES} in which they "
            "lose most.",
        ),
        scale=scale,
    )


def picture_in(test: Images, image: int) -> Picture:
    """Return a test image as people see it."""
    pixels = np.ascontiguousarray(test.pixels[image].transpose(1, 2, 0))
    return Picture(pixels, name=f"test image {image}")


def box_in(test: Images, image: int) -> Box:
    """Return where the digit of a test image is, in pixels."""
    left, top, right, bottom = test.boxes[image].tolist()
    return left, top, right, bottom
