"""Progress of a comparison, on standard error."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from foveate.records import Grid
from foveate.study.executor import Event

__all__ = ["ProgressBars"]


class ProgressBars:
    """A bar of all epochs with the time left, one a run in training, a line a result.

    Where standard error is not a terminal, only the lines are written.

    Args:
        grid: All runs, for the total.
        finished: How many of them had finished before.
    """

    def __init__(self, grid: Grid, finished: int) -> None:
        self.console = Console(stderr=True)
        self.epochs = grid.recipe.training.epochs
        self.total = len(grid.runs)
        self.done = finished
        self.bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("epochs"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        epochs = (self.total - finished) * self.epochs
        self.whole = self.bars.add_task("all runs", total=epochs)
        self.running: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        if self.done:
            self._say(f"{self.done} of {self.total} runs are kept from before")
        self.bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.bars.stop()

    def __call__(self, event: Event) -> None:
        """Show one event."""
        run = event.run
        if run.key not in self.running:
            self.running[run.key] = self.bars.add_task(run.title, total=self.epochs)
        bar = self.running[run.key]
        if event.epoch is not None:
            self.bars.update(bar, completed=event.epoch.epoch)
            self.bars.advance(self.whole)
            return
        left = self.epochs - int(
            self.bars.tasks[self.bars.task_ids.index(bar)].completed
        )
        self.bars.advance(self.whole, left)
        self.bars.remove_task(bar)
        self.done += 1
        place = f"{self.done}/{self.total}"
        if event.failed is not None:
            self._say(f"{place}  {run.title}: broke: {event.failed}")
        elif event.accuracy is not None:
            self._say(f"{place}  {run.title}: {event.accuracy:.1%}")

    def _say(self, text: str) -> None:
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)
