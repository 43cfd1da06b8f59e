"""A diagnosis: what the doctor found of one block."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Literal

from foveate.records._record import Part, Record

__all__ = ["Diagnosis", "Finding", "Outcome"]

Outcome = Literal["passed", "failed", "not run"]

WIDTH = 88


class Finding(Part):
    """What one check found.

    Attributes:
        check: Its name.
        title: What it promises.
        outcome: ``not run`` never counts as passed.
        cause: Why it failed, or why it was not run; empty if it passed.
        cure: What to change; empty unless it failed.
        demonstration: Numbers, shapes and messages that were seen.
        explained_by: The failed check that explains this one, which was not run.
    """

    check: str
    title: str
    outcome: Outcome
    cause: str = ""
    cure: str = ""
    demonstration: tuple[str, ...] = ()
    explained_by: str | None = None

    def __str__(self) -> str:
        """Return the finding in words: outcome, cause, what was seen, cure."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{self.check} ({self.outcome}): {self.title}"
        yield from _paragraph("Cause", self.cause)
        for seen in self.demonstration:
            yield from _paragraph("Seen", seen)
        yield from _paragraph("Cure", self.cure)


class Diagnosis(Record):
    """What the doctor found of one block: a finding a check.

    Attributes:
        target: What was examined.
        built: How each new block was made.
        channels: Channels of its maps.
        inputs: How many maps it takes.
        size: The only size of map that it takes, ``(H, W)``; None takes any.
        training_batch: The fewest images of a batch in training, as declared.
        torch: The version of PyTorch.
        findings: One a check, in the order of the checks.
    """

    target: str
    built: str
    channels: int
    inputs: int
    size: tuple[int, int] | None
    training_batch: int
    torch: str
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> tuple[Finding, ...]:
        """The checks that passed."""
        return self._those("passed")

    @property
    def failed(self) -> tuple[Finding, ...]:
        """The checks that failed."""
        return self._those("failed")

    @property
    def not_run(self) -> tuple[Finding, ...]:
        """The checks that were not run; the cause of each says why."""
        return self._those("not run")

    @property
    def healthy(self) -> bool:
        """Whether nothing failed."""
        return not self.failed

    @property
    def conclusion(self) -> str:
        """How many checks passed, failed and were not run."""
        return (
            f"{len(self.passed)} passed, {len(self.failed)} failed, "
            f"{len(self.not_run)} not run"
        )

    def __getitem__(self, check: str) -> Finding:
        """Return the finding of the check of that name."""
        return {finding.check: finding for finding in self.findings}[check]

    def __str__(self) -> str:
        """Return the table of findings, each failure in full, and the conclusion."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{self.built}, {self._maps()}, PyTorch {self.torch}\n"
        name = max((len(finding.check) for finding in self.findings), default=0)
        for finding in self.findings:
            row = f"{finding.outcome:<7}  {finding.check:<{name}}  "
            reason = f"{finding.title}."
            if finding.outcome == "not run":
                reason = finding.cause
            yield textwrap.fill(
                reason,
                max(WIDTH, len(row) + 30),
                initial_indent=row,
                subsequent_indent=" " * len(row),
            )
        for finding in self.failed:
            yield f"\n{finding}"
        yield from self._measured()
        yield f"\n{self.conclusion}"

    def _measured(self) -> Iterator[str]:
        notes = [(f.check, note) for f in self.passed for note in f.demonstration]
        if notes:
            yield "\nMeasured"
        for check, note in notes:
            yield from _paragraph(f"{check}:", note)

    def _maps(self) -> str:
        height, width = self.size or ("H", "W")
        maps = "one map" if self.inputs == 1 else f"{self.inputs} maps"
        return f"{maps} of (B, {self.channels}, {height}, {width})"

    def _those(self, outcome: Outcome) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.outcome == outcome)


def _paragraph(head: str, text: str) -> Iterator[str]:
    if text:
        yield textwrap.fill(
            text,
            WIDTH,
            initial_indent=f"  {head:<6} ",
            subsequent_indent=" " * 9,
            break_long_words=False,
            break_on_hyphens=False,
        )
