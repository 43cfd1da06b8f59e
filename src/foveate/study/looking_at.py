"""Images of the user's as the trained networks of a comparison see them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from foveate import _checks, explain
from foveate.errors import OptionError, RunError
from foveate.explain.looking import ImageLike
from foveate.pictures import Maps
from foveate.records import Run
from foveate.study.folders import Folder
from foveate.study.look_networks import network_as_trained
from foveate.study.training import PIXEL_MEAN, PIXEL_SD

__all__ = ["look_at"]

WHITE = 255


def look_at(
    folder: str | Path,
    images: ImageLike | Iterable[ImageLike],
    *,
    seed: int | None = None,
    **options: Any,
) -> dict[str, Maps]:
    """Return what each network of a comparison sees in images of yours.

    Images are prepared as those of the training were. The data that the networks have
    learned from is small: what they see in a photograph shows how they fail as much as
    how they work.

    Args:
        folder: One that ``compare`` has written.
        images: As for ``foveate.look``.
        seed: Of the networks; the first if None.
        **options: Those of ``foveate.look``, such as ``cam`` and ``targets``.

    Returns:
        By the label of the block, or plain, what its network sees.

    Raises:
        RecordError: The folder was not written by ``compare``.
        RunError: No run of that seed has finished.
        OptionError: A value cannot work.
        ImageError: None of the images can be read.

    Example::

        seen = fv.study.look_at("runs/quickstart", ["photo.jpg"], cam="layercam")
        fv.pictures.side_by_side(seen)
    """
    home = Folder(folder)
    finished = home.finished(home.load_grid())
    seeds = sorted({run.seed for run in finished})
    if not seeds:
        raise RunError(
            f"no run has finished in {home.path}. Train first: foveate compare."
        )
    chosen = seeds[0] if seed is None else seed
    if chosen not in seeds:
        raise OptionError(
            f"look_at: no run with seed {seed} has finished in {home.path}; those "
            f"that have are of seeds {_checks.cut([str(one) for one in seeds])}."
        )
    # an iterator would be empty at the second network
    again = list(images) if isinstance(images, Iterator) else images
    return {
        run.label: _look(home, run, again, options)
        for run in finished
        if run.seed == chosen
    }


def _look(home: Folder, run: Run, images: Any, options: dict[str, Any]) -> Maps:
    side = run.data.image_size
    channels = 3
    prepared: dict[str, Any] = {
        "mean": [PIXEL_MEAN / WHITE] * channels,
        "std": [PIXEL_SD / WHITE] * channels,
        "size": side,
    }
    return explain.look(network_as_trained(home, run), images, **(prepared | options))
