"""Move a map by one place."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

__all__ = ["shift"]


def shift(x: Tensor, dim: int, step: Literal[-1, 1]) -> Tensor:
    """Return ``x`` moved by one place; the border it leaves keeps its value.

    It is a new tensor. Copied in place, onto the same memory, a shift by 1 smears the
    first row over all rows.

    Args:
        x: Of any shape, with at least one place along ``dim``.
        dim: The axis to move along.
        step: 1 moves to higher places, -1 to lower.

    Example:
        >>> rows = torch.arange(5)
        >>> shift(rows, 0, 1).tolist(), shift(rows, 0, -1).tolist()
        ([0, 0, 1, 2, 3], [1, 2, 3, 4, 4])
    """
    rest = x.shape[dim] - 1
    if step == 1:
        return torch.cat([x.narrow(dim, 0, 1), x.narrow(dim, 0, rest)], dim=dim)
    return torch.cat([x.narrow(dim, 1, rest), x.narrow(dim, rest, 1)], dim=dim)
