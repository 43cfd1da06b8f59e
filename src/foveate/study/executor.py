"""Who trains the runs of a grid: an executor, by default processes of this machine."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from foveate.records import Epoch, Run
from foveate.study.folders import Folder

__all__ = ["Event", "Executor", "Listener", "LocalProcesses"]


@dataclass(frozen=True)
class Event:
    """News of a run.

    Attributes:
        run: The run.
        epoch: Set when an epoch ended.
        accuracy: Set when the run finished.
        failed: Why it broke, set when it did.
    """

    run: Run
    epoch: Epoch | None = None
    accuracy: float | None = None
    failed: str | None = None


Listener = Callable[[Event], None]


class Executor(Protocol):
    """What trains runs and writes their folders, wherever it does so."""

    def execute(self, runs: Sequence[Run], folder: Folder, listen: Listener) -> None:
        """Train ``runs``; a run that breaks is reported and does not stop the others.

        Args:
            runs: Runs of one recipe that have not finished.
            folder: Where each run's folder is written.
            listen: Is told of epochs, ends and failures.
        """


class LocalProcesses:
    """Train on this machine, in processes that share no memory.

    A run's numbers do not depend on how many there are: its threads are a setting of
    the recipe.

    Args:
        workers: How many processes; None: as many as the cores hold, or one if the
            recipe trains on a GPU.
    """

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers

    def execute(self, runs: Sequence[Run], folder: Folder, listen: Listener) -> None:
        """Train ``runs``, several at a time; see ``Executor``."""
        waiting = deque(runs)
        news: queue.SimpleQueue[tuple[_Worker, str]] = queue.SimpleQueue()
        with contextlib.ExitStack() as stack:

            def hire() -> _Worker:
                worker = _Worker(folder, waiting[0].training.threads, news)
                stack.callback(worker.end)
                worker.give(waiting.popleft())
                return worker

            busy = {hire() for _ in range(min(self._workers_for(runs), len(runs)))}
            while busy:
                worker, line = news.get()
                if worker not in busy:
                    continue
                event = worker.hear(line)
                listen(event)
                if event.epoch is not None:
                    continue
                if waiting and line:
                    worker.give(waiting.popleft())
                    continue
                busy.discard(worker)
                if waiting:
                    busy.add(hire())

    def _workers_for(self, runs: Sequence[Run]) -> int:
        if self.workers is not None:
            return self.workers
        if not runs or runs[0].training.device != "cpu":
            return 1
        return max(1, _cores() // runs[0].training.threads)


class _Worker:
    """A process that trains one run at a time, as seen from outside."""

    def __init__(
        self, folder: Folder, threads: int, news: queue.SimpleQueue[tuple[Any, str]]
    ) -> None:
        self.folder = folder
        self.run: Run
        self.last_words = tempfile.TemporaryFile()  # noqa: SIM115
        self.process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "foveate.study.worker", str(folder.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.last_words,
            text=True,
            encoding="utf-8",
            env={**os.environ, **_thread_limits(threads)},
        )
        threading.Thread(target=self._forward, args=(news,), daemon=True).start()

    def give(self, run: Run) -> None:
        """Let the process train ``run`` next; if it has died, ``hear`` will say so."""
        self.run = run
        stdin = self.process.stdin
        with contextlib.suppress(BrokenPipeError):
            if stdin is not None:
                stdin.write(run.model_dump_json() + "\n")
                stdin.flush()

    def hear(self, line: str) -> Event:
        """Return the event that a line of news tells; an empty one tells of death."""
        if line:
            return Event(self.run, **_values(json.loads(line)))
        reason = f"the process died ({_status(self.process.wait())})"
        self.last_words.seek(0)
        details = self.last_words.read().decode(errors="replace")
        self.folder.save_failure(self.run, reason, details)
        return Event(self.run, failed=reason)

    def end(self) -> None:
        """End the process, whatever it is doing."""
        self.process.kill()
        self.process.wait()
        self.last_words.close()
        with contextlib.suppress(BrokenPipeError):
            for pipe in (self.process.stdin, self.process.stdout):
                if pipe is not None:
                    pipe.close()

    def _forward(self, news: queue.SimpleQueue[tuple[Any, str]]) -> None:
        for line in self._lines():
            news.put((self, line))
        news.put((self, ""))

    def _lines(self) -> Iterator[str]:
        # the pipe is closed under us when the comparison is interrupted
        with contextlib.suppress(ValueError):
            yield from self.process.stdout or ()


def _cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _values(news: dict[str, Any]) -> dict[str, Any]:
    if "epoch" in news:
        return {"epoch": Epoch.model_validate(news["epoch"])}
    return news


def _status(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _thread_limits(threads: int) -> dict[str, str]:
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return dict.fromkeys(names, str(threads))
