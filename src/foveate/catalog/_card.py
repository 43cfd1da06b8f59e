"""What the catalogue knows of a block, as plain data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

__all__ = [
    "ALL_STARTS",
    "KINDS",
    "STARTS",
    "Card",
    "Kind",
    "Option",
    "Paper",
    "Plain",
    "Start",
    "Variant",
]

Kind = Literal["channel", "spatial", "mixed", "pairwise", "scale", "fusion"]
"""What a block weighs: channels, places, both, pairs of places, scales, or maps."""

KINDS: tuple[Kind, ...] = get_args(Kind)

Start = Literal["identity", "gate", "paper"]
"""How a block starts when it is grafted into a trained network."""

STARTS: Mapping[Start, str] = {
    "identity": "x + a * (block(x) - x), a learned from 0: the network as it was.",
    "gate": "Each gate is 1/2, the output doubled for each: as it was; learns at once.",
    "paper": "As its authors start it: the network may not be as it was at first.",
}
"""What each start means."""

ALL_STARTS: tuple[Start, ...] = get_args(Start)
"""The starts of a block whose gates can be opened."""

Plain = bool | int | float | str | None | tuple[str, ...] | tuple[int, ...]
"""The value of an option: anything that YAML can write."""


@dataclass(frozen=True)
class Paper:
    """Where a block was published."""

    title: str
    authors: str
    year: int
    link: str
    venue: str

    def bibtex(self, key: str) -> str:
        """Return the BibTeX entry under ``key``."""
        authors = " and ".join(re.split(r",\s*", self.authors))
        rows = {
            "title": f"{{{self.title}}}",
            "author": authors,
            "booktitle": self.venue,
            "year": str(self.year),
            "url": self.link,
        }
        body = ",\n".join(f"  {name} = {{{value}}}" for name, value in rows.items())
        return f"@inproceedings{{{key},\n{body}\n}}"


@dataclass(frozen=True)
class Option:
    """One keyword of a block's constructor."""

    name: str
    default: Plain
    meaning: str


@dataclass(frozen=True)
class Variant:
    """A named set of options of one block, written ``block.variant``.

    Attributes:
        name: What follows the dot.
        summary: One sentence.
        options: What it sets.
        differs: Where it departs from the paper, beside what the card says.
        starts: How it may start when grafted; None: as the card says.
    """

    name: str
    summary: str
    options: Mapping[str, Plain]
    differs: tuple[str, ...] = ()
    starts: tuple[Start, ...] | None = None


@dataclass(frozen=True)
class Card:
    """What the catalogue knows of one block.

    Attributes:
        name: The name under which ``fv.create`` finds it.
        kind: What it weighs.
        summary: One sentence, verb first.
        paper: Where it was published.
        formula: The block in a few lines; ``x`` in, ``y`` out.
        parameters: What it learns at 256 channels with its defaults, at 7x7 places if
            it is sized.
        options: The keywords of its constructor, in order.
        aliases: Other names that the field uses for it.
        needs: What must hold for it to be built or run.
        differs: Where this block departs from the paper or from the official code.
        variants: Published forms of it under names of their own.
        sized: Whether it is bound to one size of map and must be told it:
            ``spatial_size=(H, W)``.
        starts: How it may start when it is grafted into a trained network; none if it
            cannot be grafted.
    """

    name: str
    kind: Kind
    summary: str
    paper: Paper
    formula: str
    parameters: int
    options: tuple[Option, ...] = ()
    aliases: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()
    variants: tuple[Variant, ...] = field(default=())
    sized: bool = False
    starts: tuple[Start, ...] = ("identity", "paper")

    @property
    def year(self) -> int:
        """The year of the paper."""
        return self.paper.year

    @property
    def defaults(self) -> dict[str, Plain]:
        """Every option with its default."""
        return {option.name: option.default for option in self.options}

    @property
    def variant_names(self) -> tuple[str, ...]:
        """The variants as ``fv.create`` takes them: ``cbam.keras``."""
        return tuple(f"{self.name}.{variant.name}" for variant in self.variants)
