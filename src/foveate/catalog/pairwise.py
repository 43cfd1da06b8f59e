"""Cards of the blocks that let places look at places."""

from __future__ import annotations

from foveate.catalog._card import Card

__all__ = ["CARDS"]

CARDS: tuple[Card, ...] = ()
