"""What every block is: its paper, formula, options and variants, as plain data."""

from __future__ import annotations

from foveate.catalog._card import KINDS, Card, Kind, Option, Paper, Plain, Variant
from foveate.catalog.lookup import card, find, names, options_of, resolve

__all__ = [
    "KINDS",
    "Card",
    "Kind",
    "Option",
    "Paper",
    "Plain",
    "Variant",
    "card",
    "find",
    "names",
    "options_of",
    "resolve",
]
