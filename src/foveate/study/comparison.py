"""The main job: from a recipe to a summary, training what is missing."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import final

from pydantic import PrivateAttr

from foveate import report
from foveate.errors import MissingExtraError
from foveate.records import Grid, Recipe, Summary
from foveate.study.executor import Event, Executor, LocalProcesses
from foveate.study.folders import Folder
from foveate.study.looks import look_within
from foveate.study.planning import grid
from foveate.study.progress import ProgressBars
from foveate.study.recipes import load_recipe
from foveate.study.summaries import summarise

__all__ = ["Comparison", "compare", "default_folder", "open_comparison"]


@final
class Comparison(Summary):
    """The summary of a comparison, which can also render itself."""

    _folder: Path | None = PrivateAttr(default=None)

    def __str__(self) -> str:
        return "\n".join(report.conclusion(self))

    def report(self, path: str | Path) -> Path:
        """Write a report: HTML, Markdown or CSV, by the ending of ``path``.

        Returns:
            The path.

        Raises:
            OptionError: The ending is none of these.
            MissingExtraError: Jinja2 is not installed.
        """
        return report.write(self, path, folder=self._folder)


def compare(
    recipe: str | Path | Recipe | None = None,
    *,
    overrides: Iterable[str] = (),
    folder: str | Path | None = None,
    executor: Executor | None = None,
    look: bool = True,
    progress: bool = True,
) -> Comparison:
    """Train what a recipe asks for and is missing, and say what was found.

    A run that has finished is never trained again; one that broke is tried again. The
    same recipe on the same machine gives the same numbers, however often it was
    interrupted.

    Args:
        recipe: A recipe, its YAML file, or the name of one that comes with foveate,
            such as ``fusions``; None: the quickstart.
        overrides: Fields to set, such as ``training.epochs=4``.
        folder: Where runs are kept; ``runs/<name of the recipe>`` if not given.
        executor: What trains; processes of this machine if not given.
        look: Whether to look at what the trained networks see, and measure it; see
            ``foveate.study.look``. A network that cannot be looked at is told of in
            the report, and changes nothing else.
        progress: Whether to show progress on standard error.

    Returns:
        The summary; runs that broke are in its ``failures``.

    Raises:
        RecipeError: The recipe cannot be run as written.
        BusyError: Another process works in the folder.
        MissingExtraError: A package of the extra ``compare`` is not installed.

    Example::

        summary = fv.compare("recipe.yaml")
        summary.report("report.html")
    """
    _check_extra()
    chosen = load_recipe(recipe, overrides)
    plan = grid(chosen)
    home = Folder(default_folder(chosen) if folder is None else folder)
    with home.held():
        plan.save(home.grid_path)
        chosen.save(home.path / "recipe.yaml")
        _train_missing(plan, home, executor or LocalProcesses(), progress=progress)
        if look:
            look_within(home, progress=progress)
        summary = open_comparison(home.path)
        summary.save(home.path / "summary.json")
    return summary


def default_folder(recipe: Recipe) -> Path:
    """Return where the runs of a recipe are kept if nobody says otherwise."""
    return Path("runs") / recipe.name


def open_comparison(folder: str | Path) -> Comparison:
    """Return what the runs in a folder say, finished or not; nothing is trained.

    Raises:
        RecordError: The folder was not written by ``compare``.
    """
    found = Comparison.model_construct(**dict(summarise(folder)))
    found._folder = Path(folder)  # noqa: SLF001
    return found


def _check_extra() -> None:
    """Say what is missing before anything is trained, not in every run."""
    for module in ("sklearn", "scipy", "jinja2"):
        if importlib.util.find_spec(module) is None:
            raise MissingExtraError.of("compare", module)


def _train_missing(
    plan: Grid, home: Folder, executor: Executor, *, progress: bool
) -> None:
    missing = [run for run in plan.runs if home.result(run) is None]
    if not missing:
        return
    bars: contextlib.AbstractContextManager[Callable[[Event], None]]
    if progress:
        bars = ProgressBars(plan, len(plan.runs) - len(missing))
    else:
        bars = contextlib.nullcontext(lambda _: None)
    with bars as listen:
        executor.execute(missing, home, listen)
