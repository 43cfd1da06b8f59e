"""The folder of a comparison: what is in it, and how it gets there whole."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from torch import Tensor

from foveate.errors import BusyError, RunError
from foveate.records import Failure, Grid, Result, Run, write_atomically
from foveate.study.training import Trained

__all__ = ["Folder"]

PARTIAL = ".partial-"
KEY_DIGITS = 12


class Folder:
    """A folder with a grid, one folder a run, and what is made from them.

    A run's folder appears under its name only when it is complete, and is never written
    again. It holds ``settings.yaml``, ``result.json``, ``curve.csv``,
    ``predictions.npz`` (``labels`` of the test images, ``probabilities`` of each class)
    and ``weights.pt`` (a state dict). What was seen of the runs since is in ``looks``.

    Args:
        path: The folder; it is made when something is written.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    @property
    def grid_path(self) -> Path:
        """The file with the grid."""
        return self.path / "grid.json"

    @property
    def looks(self) -> Path:
        """The folder with what was seen of the runs: maps, scores and pictures."""
        return self.path / "looks"

    def load_grid(self) -> Grid:
        """Return the grid that was last planned here.

        Raises:
            RecordError: There is none, or it cannot be read.
        """
        return Grid.load(self.grid_path)

    def of(self, run: Run) -> Path:
        """Return the folder of a run, under whatever label it was trained."""
        tail = f"-seed{run.seed}-{run.key[:KEY_DIGITS]}"
        trained = next(self.path.glob(f"[!.]*{tail}"), None)
        if trained is not None:
            return trained
        name = re.sub(r"[^A-Za-z0-9._=-]+", "-", run.label).strip("-.")[:60]
        return self.path / f"{name}{tail}"

    def result(self, run: Run) -> Result | None:
        """Return what came of a run, or None if it has not finished."""
        path = self.of(run) / "result.json"
        return Result.load(path) if path.exists() else None

    def stamp(self, run: Run) -> str:
        """Return a hash of what came of a run: another if it was trained anew."""
        result = (self.of(run) / "result.json").read_bytes()
        return hashlib.sha256(result).hexdigest()

    def weights(self, run: Run) -> dict[str, Tensor]:
        """Return the state of a run's host and block.

        Raises:
            RunError: Its file is gone.
        """
        path = self.of(run) / "weights.pt"
        if not path.exists():
            raise RunError(
                f"{run.title}: {path} is gone. Remove the folder of the run, and "
                "compare trains it again."
            )
        weights: dict[str, Tensor] = torch.load(path, weights_only=True)
        return weights

    def probabilities(self, run: Run) -> NDArray[np.float32]:
        """Return the probability of each class for each test image."""
        with np.load(self.of(run) / "predictions.npz") as predictions:
            found: NDArray[np.float32] = predictions["probabilities"]
        return found

    def finished(self, grid: Grid) -> list[Run]:
        """Return the runs of a grid that have a result."""
        return [run for run in grid.runs if self.result(run) is not None]

    def failure(self, run: Run) -> Failure | None:
        """Return why a run broke, or None if it did not."""
        path = self._failure_path(run)
        if not path.exists():
            return None
        reason = path.read_text(encoding="utf-8").partition("\n")[0]
        return Failure(label=run.label, seed=run.seed, reason=reason)

    def save(self, run: Run, trained: Trained, labels: np.ndarray) -> None:
        """Write the folder of a run, whole or not at all."""
        final = self.of(run)
        partial = final.with_name(PARTIAL + final.name)
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        run.save(partial / "settings.yaml")
        trained.result.save(partial / "result.json")
        write_atomically(partial / "curve.csv", _curve(trained.result))
        np.savez_compressed(
            partial / "predictions.npz",
            labels=labels,
            probabilities=trained.probabilities.numpy(),
        )
        torch.save(trained.weights, partial / "weights.pt")
        if final.exists():
            shutil.rmtree(partial)
        else:
            partial.rename(final)
        self._failure_path(run).unlink(missing_ok=True)

    def save_failure(self, run: Run, reason: str, details: str) -> None:
        """Write down why a run broke: the reason in the first line, then details."""
        write_atomically(self._failure_path(run), f"{reason}\n\n{details}")

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes from working in the folder, and tidy it.

        Raises:
            BusyError: Another process is working in it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.path / ".lock", timeout=0):
                for partial in self.path.glob(f"{PARTIAL}*"):
                    shutil.rmtree(partial)
                yield
        except Timeout:
            raise BusyError(
                f"another foveate is working in {self.path}. Wait for it to end, or "
                "choose another folder."
            ) from None

    def _failure_path(self, run: Run) -> Path:
        return self.path / "failures" / f"{self.of(run).name}.txt"


def _curve(result: Result) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["epoch", "train_loss", "test_accuracy"])
    writer.writerows(
        [row.epoch, row.train_loss, row.test_accuracy] for row in result.curve
    )
    return text.getvalue()
