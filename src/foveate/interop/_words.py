"""How names are said in a message."""

from __future__ import annotations

from collections.abc import Iterable

from foveate._checks import cut

__all__ = ["listed"]


def listed(names: Iterable[str]) -> str:
    """Return names for a message, in quotes.

    Example:
        >>> listed(["fc1.weight", "fc2.weight"])
        "'fc1.weight', 'fc2.weight'"
    """
    return cut([repr(name) for name in names])
