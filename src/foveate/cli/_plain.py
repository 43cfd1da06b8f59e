"""Records of the catalogue as plain values."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from foveate.catalog import Card

__all__ = ["plain_card"]


def plain_card(card: Card) -> dict[str, Any]:
    """Return a card as values that JSON can write."""
    return asdict(card)
