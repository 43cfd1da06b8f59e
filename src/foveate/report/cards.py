"""The catalogue as Markdown: a page a block, and a page that lists them all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from foveate.catalog import KINDS, STARTS, Card, Kind, Variant

__all__ = ["render_calls", "render_card", "render_catalogue"]

_CHANNELS = 256
_SIDE = 7
"""Of the maps in examples, and of those that parameters are counted for."""

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


def render_calls(card: Card, variant: Variant | None = None) -> tuple[str, str]:
    """Return the calls that create a block, for PyTorch and for Keras.

    Example:
        >>> from foveate import catalog
        >>> render_calls(*catalog.resolve("cbam.keras"))
        ('fv.create("cbam.keras", 256)', 'fk.create("cbam.keras")')
    """
    name = card.name if variant is None else f"{card.name}.{variant.name}"
    size = f", spatial_size=({_SIDE}, {_SIDE})" if card.sized else ""
    return f'fv.create("{name}", {_CHANNELS}{size})', f'fk.create("{name}"{size})'


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
    yield from _code_lines(card)
    yield "\n## Options\n"
    yield "The first argument is `channels`, all others are keywords."
    yield "Keras layers may go without it: they take the channels of their first input."
    size = f" and {_SIDE}x{_SIDE} places" if card.sized else ""
    yield f"Parameters at {_CHANNELS} channels{size}: {card.parameters:,}.\n"
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


def _code_lines(card: Card) -> Iterator[str]:
    block, layer = render_calls(card)
    sides = f"{_SIDE}, {_SIDE}" if card.sized else "H, W"
    maps, given, each = "x", "x", "x is"
    if card.kind == "fusion":
        number = int(str(card.defaults.get("num_inputs", 2)))
        maps = ", ".join(f"x{place}" for place in range(1, number + 1))
        given, each = f"[{maps}]", "each is"
    yield "\n## In PyTorch and in Keras\n"
    yield "```python\nimport foveate as fv\n"
    yield f"block = {block}"
    yield f"y = block({maps})  # {each} (B, {_CHANNELS}, {sides})\n```"
    yield "\n```python\nimport foveate.keras as fk\n"
    yield f"layer = {layer}"
    yield f"y = layer({given})  # {each} (B, {sides}, {_CHANNELS})\n```"
    yield "\n`fk.from_torch(layer, block)` gives the layer the weights of the block, "
    yield "and with them its numbers; `fk.to_torch(layer, block)` moves them back. "
    yield "More is in [Keras layers](../keras.md)."


def _variant_lines(card: Card, variant: Variant) -> Iterator[str]:
    yield f"\n### {card.name}.{variant.name}\n"
    yield variant.summary
    yield "".join(f" {sentence}" for sentence in variant.differs).lstrip()
    options = ", ".join(f"{name}={value!r}" for name, value in variant.options.items())
    yield f"\n`{options}`"
    block, layer = render_calls(card, variant)
    yield f"\nPyTorch: `{block}`. Keras: `{layer}`."
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
