"""What a layout of other people's code is made of: rules between their keys and ours.

A rule pairs a name of theirs with a name of ours. It speaks of a layer, and so of its
weight, bias and statistics, or of a single parameter. ``{}`` stands for the number of a
repeated layer, and ``{+1}`` for that number where it counts from 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache

from foveate.interop._transforms import SAME, Transform

__all__ = ["Layout", "Rule", "counted", "fill", "found", "part", "with_copies"]

PLACEHOLDER = re.compile(r"\{(\+\d+)?\}")


@cache
def _pattern(name: str) -> tuple[re.Pattern[str], int]:
    """Return what finds a key of ``name``, and what its number is ahead by."""
    head, *repeated = PLACEHOLDER.split(name)
    if not name:
        return re.compile(r"(?P<leaf>.+)"), 0
    leaf = r"(?:\.|$)(?P<leaf>[a-z_]*)$"
    if not repeated:
        return re.compile(re.escape(head) + leaf), 0
    ahead, tail = repeated
    number = rf"{re.escape(head)}(?P<number>\d+){re.escape(tail)}"
    return re.compile(number + leaf), int(ahead or 0)


def found(name: str, key: str) -> tuple[int | None, str] | None:
    """Return the number and the leaf of ``key`` if it belongs to ``name``.

    Example:
        >>> found("SE{+1}.conv.0", "SE3.conv.0.weight")
        (2, 'weight')
        >>> found("gamma", "gamma")
        (None, '')
        >>> found("conv", "conv.bn.weight")
    """
    pattern, ahead = _pattern(name)
    match = pattern.match(key)
    if match is None:
        return None
    number = match.groupdict().get("number")
    return None if number is None else int(number) - ahead, match["leaf"]


def fill(name: str, number: int | None, leaf: str) -> str:
    """Return the key of ``name`` with that number and leaf.

    Example:
        >>> fill("SE{+1}.conv.0", 2, "weight")
        'SE3.conv.0.weight'
    """
    layer = PLACEHOLDER.sub(lambda m: str((number or 0) + int(m[1] or 0)), name)
    return ".".join(part for part in (layer, leaf) if part)


def counted(name: str, keys: Iterable[str]) -> int:
    """Return how many numbers the keys of ``name`` have among ``keys``."""
    places = (found(name, key) for key in keys)
    return len({place[0] for place in places if place is not None})


@dataclass(frozen=True)
class Rule:
    """One layer or parameter of theirs is one of ours.

    Attributes:
        theirs: Its name in their state dict.
        ours: Its name in our block.
        transform: How the values change.
        per: Where they have one layer for each of several of ours and we keep them in
            one: the layer of ours that there are as many of.
    """

    theirs: str
    ours: str
    transform: Transform = SAME
    per: str = ""


@dataclass(frozen=True)
class Layout:
    """How one piece of code names and shapes the state of one block.

    Attributes:
        name: Its source, ``official``, ``timm``, ``collections`` or ``foveate``, and
            after a point which one, if a source has several.
        rules: Its layers, in the order of their state dict.
        joint: What stands between the name of the block and those of its layers.
        beside: Whether its layers stand among other layers, which are no concern of the
            block and so not unexpected.
        about: Whose code it is, and which options of ours it needs.
    """

    name: str
    rules: tuple[Rule, ...]
    joint: str = "."
    beside: bool = False
    about: str = ""

    @property
    def source(self) -> str:
        """The part of the name before the point."""
        return self.name.partition(".")[0]

    def place(self, key: str) -> tuple[int, int, int]:
        """Return where ``key`` of theirs stands; layers of one number go together."""
        for number, rule in enumerate(self.rules):
            match = found(rule.theirs, key)
            if match is not None:
                return self._group(number), match[0] or 0, number
        return len(self.rules), 0, 0

    def ours(self, key: str) -> str | None:
        """Return our name of ``key`` of theirs, or None if it has none."""
        for rule in self.rules:
            match = found(rule.theirs, key)
            if match is not None:
                return fill(rule.ours, *match)
        return None

    def _group(self, number: int) -> int:
        head, *repeated = PLACEHOLDER.split(self.rules[number].theirs)
        while number and repeated:
            before, *also = PLACEHOLDER.split(self.rules[number - 1].theirs)
            if not also or before != head:
                break
            number -= 1
        return number


def part(theirs: str, ours: str, rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """Return the rules of a part that stands under a name in both state dicts."""
    return tuple(
        Rule(f"{theirs}{rule.theirs}", f"{ours}{rule.ours}", rule.transform, rule.per)
        for rule in rules
    )


def with_copies(official: Layout, *others: Layout) -> tuple[Layout, ...]:
    """Return layouts of the authors' code, and one of copies that kept its names."""
    copies = replace(official, name="collections", about="Copies, by the same names.")
    return official, *others, copies
