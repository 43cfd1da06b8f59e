"""Look at what the trained networks of a comparison see, and measure it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from rich.console import Console
from rich.progress import track

from foveate import _checks, _traces
from foveate.errors import FoveateError, OptionError, RunError
from foveate.explain.cams import METHODS, Method
from foveate.records import PLAIN, Looks, Run, Unseen
from foveate.study.folders import Folder
from foveate.study.gallery import draw_gallery
from foveate.study.look_files import Seen, Way
from foveate.study.look_keys import look_key, looks_path
from foveate.study.look_runs import find_way, see_random, see_run
from foveate.study.look_scores import RANDOM, random_row, row_of
from foveate.study.summaries import summarise

__all__ = ["look", "look_within"]

FEWEST = 2

MOST = 1000
"""So many test images are looked at if nobody says how many."""

REMOVED = 64
"""On so many images the class is watched while they vanish, which takes long."""


def look(
    folder: str | Path,
    *,
    cam: Method = "layercam",
    target_layers: str | Sequence[str] | None = None,
    images: int | None = None,
    progress: bool = True,
) -> Looks:
    """Return where the trained networks of a comparison look, with numbers.

    Each network is asked about the true class of each test image, whatever it
    answers: so all of them are asked the same. What was seen is kept in the folder
    ``looks`` of the comparison, and nothing is trained.

    Args:
        folder: One that ``compare`` has written.
        cam: What makes the maps; see ``foveate.look``.
        target_layers: Where, by the paths of layers. None finds the place in the plain
            host; it is the same for all networks.
        images: How many test images to look at, the first ones; up to 1,000 if None.
        progress: Whether to show progress on standard error.

    Raises:
        RecordError: The folder was not written by ``compare``.
        OptionError: A value cannot work.
        RunError: No run has finished, or the plain host cannot be looked at.
        BusyError: Another process works in the folder.

    Example::

        looks = fv.study.look("runs/quickstart")
        looks.row("se").score("energy").difference
    """
    _checks.one_of("look", METHODS, cam=cam)
    if images is not None and images < FEWEST:
        raise OptionError(
            f"look: images must be {FEWEST} or more, got {images}: what a map gets by "
            "chance is measured by the boxes of the other images."
        )
    layers = (target_layers,) if isinstance(target_layers, str) else target_layers
    home = Folder(folder)
    home.load_grid()
    with home.held():
        return _look(
            home,
            method=cam,
            layers=None if layers is None else tuple(layers),
            images=images,
            progress=progress,
        )


def look_within(home: Folder, *, progress: bool) -> None:
    """Look at the runs of a folder that this process holds already.

    Why nothing could be looked at is written down, and raises nothing: it must not
    take the comparison with it.
    """
    try:
        _look(home, method="layercam", layers=None, images=None, progress=progress)
    # whatever goes wrong in looking, the runs are trained and stay so
    except Exception as problem:  # noqa: BLE001
        looks = Looks(method="layercam", problem=_reason(problem))
        # a full disk, or something else of that name, is no reason either
        with contextlib.suppress(OSError):
            _save(home, home.finished(home.load_grid()), looks)


class _Everything(NamedTuple):
    """What was seen in all runs."""

    seen: dict[str, dict[int, Seen]]
    random: dict[int, Seen]
    unseen: list[Unseen]


def _look(
    home: Folder,
    *,
    method: Method,
    layers: tuple[str, ...] | None,
    images: int | None,
    progress: bool,
) -> Looks:
    runs = home.finished(home.load_grid())
    plain = next((run for run in runs if run.label == PLAIN), None)
    if plain is None:
        raise RunError(
            f"no run of the plain host has finished in {home.path}, and it says which "
            "layer to look at. Train it first: foveate compare."
        )
    count = min(images or MOST, plain.data.test_images)
    with _threads(plain.training.threads):
        way = find_way(
            plain,
            method=method,
            layers=layers,
            images=count,
            removed=min(REMOVED, count),
        )
        found = _see_all(home, runs, way, progress=progress)
    if not found.seen:
        raise RunError(f"no run could be looked at: {found.unseen[0].reason}")
    looks = _measure(home, runs, way, found)
    return _save(home, runs, looks)


@contextlib.contextmanager
def _threads(number: int) -> Iterator[None]:
    """Compute with as many threads as training did, which also gives the same sums."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _see_all(
    home: Folder, runs: Sequence[Run], way: Way, *, progress: bool
) -> _Everything:
    found = _Everything({}, {}, [])
    for run in _tracked(runs, progress=progress):
        with _noted(found, run.label, run.seed):
            seen = see_run(home, run, way)
            found.seen.setdefault(run.label, {})[run.seed] = seen
            if run.label == PLAIN:
                with _noted(found, RANDOM, run.seed):
                    found.random[run.seed] = see_random(home, run, way)
    return found


@contextlib.contextmanager
def _noted(found: _Everything, label: str, seed: int) -> Iterator[None]:
    """Write down why a network could not be looked at, and go on."""
    try:
        yield
    # one that cannot be looked at must not hide the others
    except Exception as problem:  # noqa: BLE001
        reason = _reason(problem)
        found.unseen.append(Unseen(label=label, seed=seed, reason=reason))


def _measure(home: Folder, runs: Sequence[Run], way: Way, found: _Everything) -> Looks:
    ranked = [row.label for row in summarise(home.path).rows]
    labels = [label for label in ranked if label in found.seen]
    plain = found.seen.get(PLAIN, {})
    family = max(1, len({run.label for run in home.load_grid().runs} - {PLAIN}))
    return Looks(
        method=way.method,
        layer=way.layer,
        reason=way.reason,
        images=way.images,
        removed=way.removed,
        rows=tuple(
            row_of(
                label,
                found.seen[label],
                plain,
                found.random,
                family=family,
            )
            for label in labels
        ),
        random=random_row(found.random) if found.random else None,
        unseen=tuple(found.unseen),
        gallery=draw_gallery(home, runs, found.seen, labels, way),
    )


def _save(home: Folder, runs: Iterable[Run], looks: Looks) -> Looks:
    """Write down what was seen, and return it with its key."""
    key = look_key([home.stamp(run) for run in runs], looks)
    kept = looks.model_copy(update={"key": key})
    kept.save(looks_path(home))
    return kept


def _tracked(runs: Sequence[Run], *, progress: bool) -> Iterable[Run]:
    """Return the runs, and show on standard error how many are left."""
    if not progress:
        return runs
    console = Console(stderr=True)
    return track(
        runs,
        description="looking",
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _reason(problem: Exception) -> str:
    """Return what went wrong, in one line."""
    if isinstance(problem, FoveateError):
        return " ".join(str(problem).split())
    return _traces.in_one_line(problem)
