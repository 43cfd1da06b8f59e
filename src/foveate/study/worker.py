"""The process that trains: runs come in on standard input, news goes out.

One JSON document a line, both ways. It ends when its input ends, so it never outlives
the process that started it, even one that was killed.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import traceback
from collections.abc import Iterator
from typing import Any, TextIO

from foveate.records import Epoch, Run
from foveate.study.digit_scenes import load
from foveate.study.folders import Folder
from foveate.study.training import train

__all__ = ["main"]


def main(folder: str) -> None:
    """Train every run that arrives, and write its folder."""
    news = _own_standard_output()
    for run in _arriving_runs():
        _work(Folder(folder), run, news)


def _work(folder: Folder, run: Run, news: TextIO) -> None:
    def tell(**values: Any) -> None:
        news.write(json.dumps(values) + "\n")
        news.flush()

    def tell_epoch(epoch: Epoch) -> None:
        tell(epoch=epoch.model_dump())

    try:
        trained = train(run, tell_epoch)
        folder.save(run, trained, load(run.data).test.labels)
    # whatever goes wrong in one run must not stop the others
    except Exception as problem:  # noqa: BLE001
        reason = " ".join(f"{type(problem).__name__}: {problem}".split())
        folder.save_failure(run, reason, traceback.format_exc())
        tell(failed=reason)
    else:
        tell(accuracy=trained.result.accuracy)


def _arriving_runs() -> Iterator[Run]:
    """Yield runs as they arrive; end the process as soon as the input ends."""
    arrived: queue.SimpleQueue[Run] = queue.SimpleQueue()

    def listen() -> None:
        for line in sys.stdin:
            arrived.put(Run.model_validate_json(line))
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    while True:
        yield arrived.get()


def _own_standard_output() -> TextIO:
    """Keep standard output for news: what else is printed goes to standard error."""
    news = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return news


if __name__ == "__main__":
    main(sys.argv[1])
