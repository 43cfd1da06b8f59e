"""Some test images under the maps of each network, on one scale."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from foveate.pictures.files import save_grid
from foveate.pictures.overlay import colour_bar, overlay, shown
from foveate.pictures.scale import Scale
from foveate.pictures.scales import shared
from foveate.records import Gallery, GalleryCell, GalleryRow, Run, whole_file
from foveate.study.digit_scenes import CLASSES, Images, load
from foveate.study.folders import Folder
from foveate.study.look_choice import Chosen, choose
from foveate.study.look_files import Way
from foveate.study.look_grid import Network, box_in, grid_of, picture_in
from foveate.study.look_scores import BySeed

__all__ = ["draw_gallery"]

BAR = (24, 240)
"""Height and width of the colour bar, in pixels."""

LEAST_SIDE = 120
"""Of a picture, in pixels: smaller images are enlarged by a whole number."""


def draw_gallery(
    home: Folder,
    runs: Sequence[Run],
    seen: Mapping[str, BySeed],
    labels: Sequence[str],
    way: Way,
) -> Gallery:
    """Draw the chosen images under the maps of each network, on one scale.

    Args:
        home: Where the pictures are written, under ``looks``.
        runs: Those that were looked at.
        seen: What they see, by label and seed.
        labels: The order of the networks.
        way: How it was looked.
    """
    seed = _first_seed_of_most(seen)
    networks = {
        run.label: Network(run, seen[run.label][seed], home.probabilities(run))
        for run in runs
        if run.seed == seed and seed in seen.get(run.label, {})
    }
    chosen = choose(seen)
    heats = [one.heat(n, way) for one in networks.values() for n, _, _ in chosen]
    scales = shared(heats)
    scale = scales["density"]
    test = load(runs[0].data).test
    folder = home.looks / way.method / "gallery"
    # other images may have been chosen before
    shutil.rmtree(folder, ignore_errors=True)
    bar = folder / "scale.png"
    _write(bar, colour_bar(BAR))
    shown_in = [networks.get(label) for label in labels]
    grid = grid_of(test, chosen, labels, shown_in, way=way, scale=scales)
    for ending in ("png", "svg"):
        save_grid(grid, home.looks / way.method / f"grid.{ending}")
    return Gallery(
        seed=seed,
        labels=tuple(labels),
        top=scale.high,
        ticks=scale.ticks(),
        clipped=scale.clipped,
        bar=_relative(bar, home),
        rows=tuple(
            _draw_row(
                home,
                test,
                one,
                shown_in,
                way=way,
                scale=scale,
            )
            for one in chosen
        ),
    )


def _first_seed_of_most(seen: Mapping[str, BySeed]) -> int:
    """Return the first seed that no other is seen in more networks of."""
    seeds = sorted({seed for mine in seen.values() for seed in mine})
    return max(seeds, key=lambda seed: sum(seed in mine for mine in seen.values()))


def _draw_row(
    home: Folder,
    test: Images,
    chosen: Chosen,
    networks: Sequence[Network | None],
    *,
    way: Way,
    scale: Scale,
) -> GalleryRow:
    """Return one image of a gallery, and write its pictures."""
    folder = home.looks / way.method / "gallery"
    image = chosen.image
    left, top, right, bottom = box_in(test, image)
    height, width = test.pixels.shape[2:]
    picture = picture_in(test, image)
    times = max(1, -(-LEAST_SIDE // max(height, width)))
    size = height * times, width * times
    plain = folder / f"{image}.png"
    _write(plain, shown(picture, size=size))
    cells: list[GalleryCell | None] = []
    for network in networks:
        if network is None:
            cells.append(None)
            continue
        file = folder / f"{image}-{home.of(network.run).name}.png"
        heat = network.heat(image, way)
        _write(file, overlay(picture, heat, scale=scale, size=size))
        cells.append(_cell(network, image, _relative(file, home)))
    return GalleryRow(
        image=image,
        truth=CLASSES[test.labels[image]],
        picture=_relative(plain, home),
        box=(left / width, top / height, right / width, bottom / height),
        why=chosen.why,
        gain=chosen.gain,
        cells=tuple(cells),
    )


def _cell(network: Network, image: int, picture: str) -> GalleryCell:
    probabilities = network.probabilities[image]
    predicted = int(probabilities.argmax())
    return GalleryCell(
        label=network.run.label,
        picture=picture,
        energy=float(network.seen.scores["energy"][image]),
        predicted=CLASSES[predicted],
        probability=float(probabilities[predicted]),
        empty=not network.seen.heats[image].any(),
    )


def _relative(file: Path, home: Folder) -> str:
    return file.relative_to(home.path).as_posix()


def _write(path: Path, pixels: NDArray[np.uint8]) -> None:
    with whole_file(path) as partial:
        Image.fromarray(pixels).save(partial, format="PNG", optimize=True)
