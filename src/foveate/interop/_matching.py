"""Find which layout a state dict follows, and what of a block it holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from foveate.interop._rules import Layout, counted, fill, found
from foveate.interop._transforms import Transform

__all__ = ["Match", "Slot", "State", "is_counter", "matches_of", "slots_of"]

State = Mapping[str, Tensor]
"""Tensors by name."""

COUNTER = "num_batches_tracked"


def is_counter(key: str) -> bool:
    """Return whether ``key`` only counts batches, which older checkpoints lack."""
    return key.endswith(COUNTER)


@dataclass(frozen=True)
class Slot:
    """Where a tensor of ours comes from.

    Attributes:
        theirs: Their keys, one, or one for each branch.
        transform: How their values become ours.
    """

    theirs: tuple[str, ...]
    transform: Transform

    def shapes(self, own: Tensor) -> tuple[tuple[int, ...], ...]:
        """Return the shapes that their tensors need for ``own``."""
        parts = self.transform.split(own, len(self.theirs))
        return tuple(tuple(part.shape) for part in parts)


def slots_of(layout: Layout, own: State) -> dict[str, Slot]:
    """Return where each tensor of ours stands in a layout, if it has a place there."""
    slots = {}
    for key in own:
        for rule in layout.rules:
            place = found(rule.ours, key)
            if place is None:
                continue
            number, leaf = place
            numbers = range(counted(rule.per, own)) if rule.per else (number,)
            theirs = tuple(fill(rule.theirs, n, leaf) for n in numbers)
            slots[key] = Slot(theirs, rule.transform)
            break
    return slots


@dataclass(frozen=True)
class Match:
    """How far a state dict, read by one layout at one prefix, fills a block.

    Attributes:
        layout: The layout it is read by.
        prefix: What their keys begin with.
        own: The block's state.
        state: Their state, whole.
    """

    layout: Layout
    prefix: str
    own: State
    state: State

    @cached_property
    def slots(self) -> dict[str, Slot]:
        """Where each tensor of ours stands, by their full keys."""
        return {
            key: Slot(tuple(self.prefix + name for name in slot.theirs), slot.transform)
            for key, slot in slots_of(self.layout, self.own).items()
        }

    @cached_property
    def named(self) -> tuple[str, ...]:
        """Keys of ours whose tensors came, whatever their shapes."""
        return tuple(
            key
            for key, slot in self.slots.items()
            if all(name in self.state for name in slot.theirs)
        )

    @cached_property
    def used(self) -> frozenset[str]:
        """Their full keys of what is named, without those that only count batches."""
        return frozenset(
            name
            for key in self.named
            for name in self.slots[key].theirs
            if not is_counter(name)
        )

    @cached_property
    def values(self) -> dict[str, Tensor]:
        """What fits, as tensors of ours."""
        return {
            key: self._joined(key)
            for key in self.named
            if self._came(key) == self._needed(key)
        }

    @cached_property
    def missing(self) -> tuple[str, ...]:
        """Keys of ours for which nothing came; a count of batches may be absent."""
        return tuple(
            key for key in self.own if key not in self.named and not is_counter(key)
        )

    @cached_property
    def unexpected(self) -> tuple[str, ...]:
        """Their full keys under the prefix that no tensor of ours is made of."""
        taken = {name for key in self.named for name in self.slots[key].theirs}
        rest = [k for k in self.state if k.startswith(self.prefix) and k not in taken]
        if self.layout.beside:
            known = self.layout.ours
            rest = [key for key in rest if known(key.removeprefix(self.prefix))]
        return tuple(rest)

    @cached_property
    def misshapen(self) -> dict[str, tuple[str, tuple[int, ...], tuple[int, ...]]]:
        """Of keys of ours that came in another shape: their key, shape came, needed."""
        wrong = {}
        for key in self.named:
            parts = zip(
                self.slots[key].theirs, self._came(key), self._needed(key), strict=True
            )
            for name, came, needed in parts:
                if came != needed:
                    wrong[key] = (name, came, needed)
                    break
        return wrong

    @property
    def perfect(self) -> bool:
        """Whether every tensor came in its shape, and nothing else did."""
        return not (self.missing or self.unexpected or self.misshapen)

    def agrees_with(self, other: Match) -> bool:
        """Return whether both make the same tensors of ours."""
        return self.values.keys() == other.values.keys() and all(
            self.slots[key] == other.slots[key] or value.equal(other.values[key])
            for key, value in self.values.items()
        )

    def _joined(self, key: str) -> Tensor:
        slot = self.slots[key]
        return slot.transform.join([self.state[name] for name in slot.theirs])

    def _came(self, key: str) -> tuple[tuple[int, ...], ...]:
        return tuple(tuple(self.state[name].shape) for name in self.slots[key].theirs)

    def _needed(self, key: str) -> tuple[tuple[int, ...], ...]:
        return self.slots[key].shapes(self.own[key])


def matches_of(
    own: State, state: State, layouts: Sequence[Layout], prefix: str | None
) -> list[Match]:
    """Return every reading of ``state`` that names a tensor of the block.

    Args:
        own: The block's state.
        state: Their state.
        layouts: Layouts to read it by.
        prefix: What their keys begin with; None: whatever fits.
    """
    return [
        match
        for layout in layouts
        for start in (_prefixes(layout, own, state) if prefix is None else [prefix])
        if (match := Match(layout, start, own, state)).used
    ]


def _prefixes(layout: Layout, own: State, state: State) -> list[str]:
    """Return what stands before a name of the layout in some key of its dimensions."""
    return list(dict.fromkeys(_starts(layout, own, state)))


def _starts(layout: Layout, own: State, state: State) -> Iterator[str]:
    for ours, slot in slots_of(layout, own).items():
        if is_counter(ours):
            continue
        name, dims = slot.theirs[0], len(slot.shapes(own[ours])[0])
        for key, value in state.items():
            start = key.removesuffix(name)
            apart = not start or start.endswith((".", layout.joint))
            if apart and key.endswith(name) and value.dim() == dims:
                yield start
