"""Cards of the blocks that weigh scales."""

from __future__ import annotations

from foveate.catalog._card import Card

__all__ = ["CARDS"]

CARDS: tuple[Card, ...] = ()
