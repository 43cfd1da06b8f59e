"""The catalogue as Markdown: a page a block, and a page that lists them all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from foveate.catalog import KINDS, STARTS, Card, Kind, Variant

__all__ = ["render_card", "render_catalogue"]

_KIND_TITLES: dict[Kind, str] = {
    "channel": "Blocks that weigh channels",
    "spatial": "Blocks that weigh places",
    "mixed": "Blocks that weigh channels and places",
    "pairwise": "Blocks that let places look at places",
    "scale": "Blocks that weigh scales",
    "fusion": "Fusions of several maps",
}


def render_catalogue(cards: Iterable[Card]) -> str:
    """Return a page that lists blocks by kind, each with a link to its own page.

    Args:
        cards: What to list; the page of a card is named ``NAME.md``.
    """
    listed = list(cards)
    lines = ["# Blocks and fusions", "", "Parameters are those at 256 channels."]
    for kind in KINDS:
        of_kind = [card for card in listed if card.kind == kind]
        if of_kind:
            lines += ["", f"## {_KIND_TITLES[kind]}", "", *_rows_of_cards(of_kind)]
    return "\n".join(lines) + "\n"


def render_card(card: Card) -> str:
    """Return all that is known of one block, with its BibTeX."""
    return "\n".join(_lines(card)) + "\n"


def _rows_of_cards(cards: Sequence[Card]) -> Iterator[str]:
    yield from _head("block", "year", "parameters", "variants", "what it does")
    for card in cards:
        variants = " ".join(f"`{name}`" for name in card.variant_names)
        link = f"[`{card.name}`]({card.name}.md)"
        yield _row(link, str(card.year), f"{card.parameters:,}", variants, card.summary)


def _lines(card: Card) -> Iterator[str]:
    paper = card.paper
    yield f"# {card.name}"
    yield f"\n{card.summary} Kind: {card.kind}."
    yield f"\n```\n{card.formula}\n```"
    yield f"\n{paper.authors} ({paper.year}). [{paper.title}]({paper.link}). "
    yield f"{paper.venue}."
    if card.aliases:
        yield f"\nAlso called {', '.join(f'`{name}`' for name in card.aliases)}."
    yield "\n## Options\n"
    yield "The first argument is `channels`, all others are keywords."
    size = " and 7x7 places" if card.sized else ""
    yield f"Parameters at 256 channels{size}: {card.parameters:,}.\n"
    yield from _head("option", "default", "meaning")
    for option in card.options:
        yield _row(f"`{option.name}`", f"`{option.default!r}`", option.meaning)
    yield from _list("Needs", card.needs)
    yield from _list("Where it departs from the paper", card.differs)
    starts = [f"`{start}`: {STARTS[start]}" for start in card.starts]
    yield from _list("Starts when grafted", starts)
    if card.variants:
        yield "\n## Variants"
        for variant in card.variants:
            yield from _variant_lines(card, variant)
    yield f"\n## BibTeX\n\n```bibtex\n{paper.bibtex(card.name)}\n```"


def _variant_lines(card: Card, variant: Variant) -> Iterator[str]:
    yield f"\n### {card.name}.{variant.name}\n"
    yield variant.summary
    yield "".join(f" {sentence}" for sentence in variant.differs).lstrip()
    options = ", ".join(f"{name}={value!r}" for name, value in variant.options.items())
    yield f"\n`{options}`"
    if variant.starts is not None:
        starts = ", ".join(f"`{start}`" for start in variant.starts)
        yield f"\nStarts when grafted: {starts}."


def _list(title: str, sentences: Sequence[str]) -> Iterator[str]:
    if sentences:
        yield f"\n## {title}\n"
    for sentence in sentences:
        yield f"- {sentence}"


def _head(*names: str) -> Iterator[str]:
    yield _row(*names)
    yield _row(*("---" for _ in names))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"
