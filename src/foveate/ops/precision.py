"""Guards of numbers: sums in half precision, divisors that would be 0."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

__all__ = ["at_least_float32", "at_least_one", "without_autocast"]


def at_least_float32(x: Tensor) -> Tensor:
    """Return ``x`` in float32 if it is float16 or bfloat16, else ``x`` itself.

    Sums of squares over a map overflow float16 without a NaN to show for it.
    """
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def at_least_one(count: int) -> int:
    """Return ``max(count, 1)`` without fixing a size that an export leaves free."""
    larger: int = torch.sym_max(count, 1)  # type: ignore[no-untyped-call]
    return larger


def without_autocast(x: Tensor) -> AbstractContextManager[object]:
    """Return a context in which products on the device of ``x`` keep their precision.

    Where autocast is off it does nothing, so that an exported graph has no trace of it.
    """
    kind = x.device.type
    # not torch.is_autocast_enabled alone, which does not know the meta device
    if torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind):
        return torch.autocast(kind, enabled=False)
    return nullcontext()
