"""What a state dict gives to a module: its values, and what does not fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from foveate._checks import cut
from foveate.errors import WeightsError
from foveate.interop._hints import Seen, hints_for
from foveate.interop._matching import Match
from foveate.interop._words import listed

__all__ = ["Loaded", "Outcome", "outcome_of"]

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Loaded:
    """What was loaded.

    Attributes:
        source: Whose keys they were; several, joined by ``+``, if a network mixes them;
            what was asked for, if nothing was found.
        prefix: What their keys began with, in front of the names of the source.
        keys: Keys of the module that got a value, in its order.
        missing: Keys of the module that got none. A count of batches that is absent is
            not missing.
        unexpected: Their keys that no value was made of, among them those of another
            shape.
    """

    source: str
    prefix: str
    keys: tuple[str, ...]
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()


@dataclass
class Outcome:
    """What a state dict would give to a module, before anything is changed."""

    source: str
    prefix: str
    values: dict[str, Tensor] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    unexpected: list[str] = field(default_factory=list)
    misshapen: dict[str, tuple[str, Shape, Shape]] = field(default_factory=dict)
    hints: list[str] = field(default_factory=list)

    def refuse(self, owner: str, note: str = "") -> None:
        """Raise WeightsError if anything does not fit.

        Args:
            owner: Whom the message names.
            note: What else to say.
        """
        where = f" under {self.prefix!r}" if self.prefix else ""
        if self.missing and not (self.values or self.misshapen):
            by = "" if self.source == "auto" else f" by the keys of {self.source!r}"
            words = f" {note}" if note else ""
            raise WeightsError(
                f"{owner}: the state dict holds nothing for it{by}{where}.{words}"
            )
        wrong = [
            f"{theirs!r} is {came}, needed {needed}"
            for theirs, came, needed in self.misshapen.values()
        ]
        missing = [
            f"{ours!r}" + (f" (theirs {theirs!r})" if theirs not in ("", ours) else "")
            for ours, theirs in self.missing.items()
        ]
        parts = [
            f"Missing: {cut(missing)}." if missing else "",
            f"Unexpected: {listed(self.unexpected)}." if self.unexpected else "",
            f"Of another shape: {cut(wrong)}." if wrong else "",
        ]
        if not any(parts):
            return
        parts.append(
            f"It would fit with {', '.join(self.hints)}." if self.hints else ""
        )
        words = " ".join(part for part in [*parts, note] if part)
        raise WeightsError(
            f"{owner}: weights of {self.source!r}{where} do not fit. {words}"
        )

    def give_to(self, module: nn.Module, own: Mapping[str, Tensor]) -> Loaded:
        """Copy the values into the state of ``module`` and say what was done."""
        if any(value.is_meta for value in own.values()):
            raise WeightsError(
                f"{type(module).__name__}: is on the meta device, where there is no "
                "room for values. Make room first: module.to_empty(device='cpu')."
            )
        with torch.no_grad():
            for key, value in self.values.items():
                own[key].copy_(value)
        return Loaded(
            source=self.source,
            prefix=self.prefix,
            keys=tuple(key for key in own if key in self.values),
            missing=(*self.missing, *self.misshapen),
            unexpected=(
                *self.unexpected,
                *(theirs for theirs, _, _ in self.misshapen.values()),
            ),
        )


def outcome_of(block: str, match: Match) -> Outcome:
    """Return what a reading gives to a block."""
    return Outcome(
        source=match.layout.name,
        prefix=match.prefix,
        values=dict(match.values),
        missing={
            key: match.slots[key].theirs[0] if key in match.slots else ""
            for key in match.missing
        },
        unexpected=list(match.unexpected),
        misshapen=dict(match.misshapen),
        hints=list(hints_for(block, _seen(match))),
    )


def _seen(match: Match) -> Seen:
    under = (key.removeprefix(match.prefix) for key in match.unexpected)
    names = (match.layout.ours(key) for key in under)
    return Seen(
        taken=match.named,
        missing=match.missing,
        added=[name for name in names if name is not None],
        shapes={key: (came, need) for key, (_, came, need) in match.misshapen.items()},
    )
