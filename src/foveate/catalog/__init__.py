"""What every block is: its paper, formula, options and variants, as plain data."""

from __future__ import annotations

from foveate.catalog._card import (
    KINDS,
    STARTS,
    Card,
    Kind,
    Option,
    Paper,
    Plain,
    Start,
    Variant,
)
from foveate.catalog.lookup import (
    card,
    find,
    names,
    options_of,
    resolve,
    starts_of,
)

__all__ = [
    "KINDS",
    "STARTS",
    "Card",
    "Kind",
    "Option",
    "Paper",
    "Plain",
    "Start",
    "Variant",
    "card",
    "find",
    "names",
    "options_of",
    "resolve",
    "starts_of",
]
