"""Examine a block: run the checks, and report no fault twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, final

import torch
from torch import nn

from foveate import _checks
from foveate.checkup._blame import BlockError
from foveate.checkup._check import Check, Fault, NotExaminedError
from foveate.checkup._patient import Patient
from foveate.checkup._target import Target
from foveate.checkup._world import quiet_room
from foveate.checkup.registry import CHECKS
from foveate.records import Diagnosis, Finding

__all__ = ["Examination", "chosen", "doctor"]

ROOT = CHECKS[0].name
BY_NAME = {check.name: check for check in CHECKS}


def doctor(
    block: str | Callable[..., nn.Module],
    *,
    channels: int = 64,
    options: Mapping[str, Any] | None = None,
    inputs: int | None = None,
    size: tuple[int, int] | None = None,
    training_batch: int | None = None,
    checks: Iterable[str] | None = None,
) -> Diagnosis:
    """Return what the doctor finds of a block, ours or yours.

    Each check begins with a new block and leaves torch as it was. A check that could
    not be run has not passed; a fault that another one explains is reported once.

    Args:
        block: A class, a function that returns a block, a name of the catalogue, or
            ``package.module:Class`` or ``path/to/file.py:Class``.
        channels: Channels of its maps, and its first argument, if it takes one.
        options: Its further arguments by name.
        inputs: How many maps it takes; one, or what a fusion of ours says.
        size: The only size of map that it takes, ``(H, W)``; any, if not given.
        training_batch: The fewest images that it takes in training.
        checks: Names of the only checks to run; ``foveate doctor --list`` lists them.

    Raises:
        UnknownNameError: There is no such block.
        OptionError: It cannot be built, or a check has no such name.

    Example:
        >>> from torch import nn
        >>> found = doctor(nn.Dropout2d, options={"p": 0.1}, checks=["keeps_shape"])
        >>> found.healthy, found.conclusion
        (True, '1 passed, 0 failed, 0 not run')
    """
    wanted = chosen(checks)
    examination = Examination(
        Target(
            block,
            channels=channels,
            options=dict(options or {}),
            inputs=inputs,
            size=size,
            training_batch=training_batch,
        )
    )
    return examination.diagnosis(wanted)


@final
class Examination:
    """The findings of one target, each worked out once.

    Args:
        target: What to examine.

    Raises:
        UnknownNameError: There is no such block.
        OptionError: It cannot be built.
    """

    def __init__(self, target: Target) -> None:
        with quiet_room():
            self.patient = Patient(target)
        self._found: dict[str, Finding] = {}

    def finding(self, name: str) -> Finding:
        """Return what the check ``name`` found."""
        if name not in self._found:
            check = BY_NAME[name]
            explained_by = self._explanation(check)
            self._found[name] = (
                _explained(check, explained_by)
                if explained_by
                else _examine(check, self.patient)
            )
        return self._found[name]

    def diagnosis(self, names: Iterable[str]) -> Diagnosis:
        """Return the findings of the checks ``names``, and of those that explain them.

        The order is that of the checks.
        """
        found = [self.finding(name) for name in names]
        shown = {finding.check for finding in found}
        shown |= {f.explained_by for f in found if f.explained_by}
        patient = self.patient
        return Diagnosis(
            target=patient.constructor.name,
            built=patient.built,
            channels=patient.channels,
            inputs=patient.inputs,
            size=patient.size,
            training_batch=patient.training_batch,
            torch=torch.__version__,
            findings=tuple(
                self.finding(check.name) for check in CHECKS if check.name in shown
            ),
        )

    def _explanation(self, check: Check) -> str | None:
        """Return the failed check that a failure of ``check`` would come from."""
        root = () if check.name == ROOT else (ROOT,)
        for name in (*root, *check.rests_on):
            finding = self.finding(name)
            failed = finding.outcome == "failed"
            by: str | None = name if failed else finding.explained_by
            if by is not None:
                return by
        return None


def _examine(check: Check, patient: Patient) -> Finding:
    try:
        with quiet_room():
            measured = check.examine(patient)
    except Fault as fault:
        return _failed(check, fault.cause, fault.seen, fault.cure)
    except BlockError as problem:
        return _failed(check, "It raises an error.", (problem.seen,))
    except NotExaminedError as reason:
        return _finding(check, "not run", cause=str(reason))
    except Exception as problem:  # noqa: BLE001
        # ours, so the block is not to blame
        said = f"The check itself broke: {type(problem).__name__}: {problem}"
        return _finding(check, "not run", cause=said)
    return _finding(check, "passed", seen=measured or ())


def _failed(
    check: Check, cause: str, seen: tuple[str, ...], cure: str | None = None
) -> Finding:
    return _finding(check, "failed", cause=cause, seen=seen, cure=cure or check.cure)


def _explained(check: Check, by: str) -> Finding:
    cause = f"Explained by {by!r}, which failed."
    return _finding(check, "not run", cause=cause, explained_by=by)


def _finding(
    check: Check,
    outcome: Any,
    *,
    cause: str = "",
    seen: tuple[str, ...] = (),
    cure: str = "",
    explained_by: str | None = None,
) -> Finding:
    return Finding(
        check=check.name,
        title=check.title,
        outcome=outcome,
        cause=cause,
        cure=cure,
        demonstration=seen,
        explained_by=explained_by,
    )


def chosen(names: Iterable[str] | None) -> list[str]:
    """Return the names of checks that were asked for; all, if none were.

    Raises:
        OptionError: A check has no such name.
    """
    if names is None:
        return list(BY_NAME)
    wanted = [names] if isinstance(names, str) else list(names)
    for name in wanted:
        _checks.one_of("doctor", BY_NAME, check=name)
    return wanted
