"""Find a card by its name, an alias, a variant or a pattern."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cache

from foveate._checks import one_of, suggest
from foveate.catalog import channel, fusion, mixed, pairwise, scale, spatial
from foveate.catalog._card import KINDS, Card, Plain, Start, Variant
from foveate.errors import UnknownNameError, UnknownOptionError

__all__ = ["card", "find", "names", "options_of", "resolve", "starts_of"]


@cache
def _cards() -> dict[str, Card]:
    """Return every card by its name, sorted."""
    kinds = (channel, spatial, mixed, pairwise, scale, fusion)
    cards = [card for kind in kinds for card in kind.CARDS]
    return {card.name: card for card in sorted(cards, key=lambda card: card.name)}


@cache
def _by_any_name() -> dict[str, tuple[Card, Variant | None]]:
    """Return card and variant by each name, alias and variant name."""
    found: dict[str, tuple[Card, Variant | None]] = {}
    for card in _cards().values():
        for name in (card.name, *card.aliases):
            found[name] = (card, None)
            for variant in card.variants:
                found[f"{name}.{variant.name}"] = (card, variant)
    return found


def find(pattern: str = "*", *, kind: str | None = None) -> list[Card]:
    """Return the cards whose name or alias fits a glob, sorted by name.

    Args:
        pattern: A glob over names, such as ``*attention*``.
        kind: Only this kind, one of ``KINDS``.

    Raises:
        OptionError: ``kind`` is not a kind.
    """
    if kind is not None:
        one_of("find", KINDS, kind=kind)
    return [
        card
        for card in _cards().values()
        if (kind is None or card.kind == kind)
        and any(fnmatchcase(name, pattern) for name in (card.name, *card.aliases))
    ]


def names(pattern: str = "*", *, kind: str | None = None) -> list[str]:
    """Return the names of blocks that fit a glob and a kind, sorted.

    Example:
        >>> names("coord*")
        ['coordinate']
        >>> "se" in names(kind="channel")
        True
    """
    return [card.name for card in find(pattern, kind=kind)]


def resolve(name: str) -> tuple[Card, Variant | None]:
    """Return the card, and the variant if ``name`` names one.

    Raises:
        UnknownNameError: The catalogue has no such name; near names are offered.
    """
    key = str(name).strip().lower().replace("-", "_")
    try:
        return _by_any_name()[key]
    except KeyError:
        raise UnknownNameError(
            f"no block named {name!r}. {suggest(key, _candidates(key))}"
        ) from None


def card(name: str) -> Card:
    """Return the card of a block; a variant's name gives the card of its block.

    Raises:
        UnknownNameError: The catalogue has no such name.

    Example:
        >>> card("coord").name
        'coordinate'
    """
    return resolve(name)[0]


def options_of(name: str, options: Mapping[str, Plain]) -> dict[str, Plain]:
    """Return the options of a variant, overridden by ``options``.

    Raises:
        UnknownNameError: The catalogue has no such name.
        UnknownOptionError: The block has no option of that name.
    """
    found, variant = resolve(name)
    for option in options:
        if option not in found.defaults:
            raise UnknownOptionError(
                f"{found.name} has no option {option!r}. "
                f"{suggest(option, found.defaults)}"
            )
    return {**(variant.options if variant else {}), **options}


def starts_of(name: str) -> tuple[Start, ...]:
    """Return how a block may start when it is grafted into a trained network.

    Returns:
        Keys of ``STARTS``; none for a fusion, which cannot be grafted.

    Raises:
        UnknownNameError: The catalogue has no such name.

    Example:
        >>> starts_of("cbam")
        ('identity', 'gate', 'paper')
        >>> starts_of("cbam.keras")
        ('identity', 'paper')
    """
    found, variant = resolve(name)
    if variant is None or variant.starts is None:
        return found.starts
    return variant.starts


def _candidates(key: str) -> list[str]:
    """Return what to offer for an unknown name: blocks, or a block's variants."""
    block = key.partition(".")[0]
    if "." in key and block in _by_any_name():
        found = _by_any_name()[block][0]
        return [found.name, *found.variant_names]
    return [name for name in _by_any_name() if "." not in name]
