"""Some test images under the maps of the networks of a comparison."""

from __future__ import annotations

from typing import Literal

from foveate.records._record import Part

__all__ = ["Gallery", "GalleryCell", "GalleryRow"]


class GalleryCell(Part):
    """Where one network looks in one image.

    Attributes:
        label: The block or plan, or the plain host.
        picture: The image under its map: a file, relative to the folder of the
            comparison.
        energy: The share of the map inside the box.
        predicted: The class that the network names.
        probability: How likely the network finds that class.
        empty: Whether the map is zero everywhere.
    """

    label: str
    picture: str
    energy: float
    predicted: str
    probability: float
    empty: bool = False


class GalleryRow(Part):
    """One image, as all networks of a gallery see it.

    Attributes:
        image: Its place among the test images, from 0.
        truth: Its class.
        picture: The image: a file, relative to the folder of the comparison.
        box: Left, top, right and bottom of its object, as shares of width and height.
        why: Why it is shown: one of the ``first``, or one in which blocks ``gain`` or
            ``lose`` most.
        gain: By how much energy inside the box is higher with a block than in the
            plain host, the mean over blocks and seeds; None if nothing can be
            compared.
        cells: One a network, in the order of ``Gallery.labels``; None where one was
            not seen.
    """

    image: int
    truth: str
    picture: str
    box: tuple[float, float, float, float]
    why: Literal["first", "gain", "lose"]
    gain: float | None
    cells: tuple[GalleryCell | None, ...]


class Gallery(Part):
    """The same test images under the maps of each network.

    Attributes:
        seed: The seed of the networks that are shown.
        labels: The networks: the plain host first, then as in the ranking.
        top: The value at the top of the shared scale, in multiples of the value of an
            evenly spread map; 0 is at its foot.
        ticks: Values to mark on the scale.
        clipped: Whether some map goes beyond it.
        bar: Every colour that a value can have, from the foot of the scale to its top:
            a file, relative to the folder of the comparison.
        rows: The images.
    """

    seed: int
    labels: tuple[str, ...]
    top: float
    ticks: tuple[float, ...]
    clipped: bool
    bar: str
    rows: tuple[GalleryRow, ...]
