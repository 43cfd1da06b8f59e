"""How lists are said in a message."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["cut", "listed"]

MOST = 8


def cut(words: Sequence[str]) -> str:
    """Return words for a message, cut short if there are many.

    Example:
        >>> cut([str(n) for n in range(10)])
        '0, 1, 2, 3, 4, 5, 6, 7 and 2 more'
    """
    more = f" and {len(words) - MOST} more" if len(words) > MOST else ""
    return ", ".join(words[:MOST]) + more


def listed(names: Iterable[str]) -> str:
    """Return names for a message, in quotes.

    Example:
        >>> listed(["fc1.weight", "fc2.weight"])
        "'fc1.weight', 'fc2.weight'"
    """
    return cut([repr(name) for name in names])
