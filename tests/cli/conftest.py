"""The command line within this process: its words, its exit code, its two streams."""

import sys
from typing import NamedTuple

import pytest

from foveate.cli import main


class Done(NamedTuple):
    """What a command has left."""

    code: int
    out: str
    err: str

    @property
    def said(self):
        """What stood on the second stream, in one line and without frames."""
        return " ".join(self.err.replace("│", " ").split())

    def row(self, start):
        """Return the cells of the row that begins so."""
        lines = [line.split() for line in self.out.splitlines()]
        return next(cells for cells in lines if " ".join(cells).startswith(start))


@pytest.fixture
def foveate(monkeypatch, capsys):
    """Run the command line with some words."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["foveate", *words])
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        return Done(end.value.code, out, err)

    return run
