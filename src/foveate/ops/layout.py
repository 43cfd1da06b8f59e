"""Order of channels, and order in memory."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["channel_shuffle", "in_layout_of"]


def channel_shuffle(x: Tensor, groups: int) -> Tensor:
    """Interleave ``groups`` runs of channels.

    Channel ``g * C / groups + j`` moves to ``groups * j + g``.

    Args:
        x: Feature map, ``(B, C, H, W)``, with C a multiple of ``groups``.
        groups: How many runs to interleave.

    Example:
        >>> x = torch.arange(6.0).view(1, 6, 1, 1)
        >>> channel_shuffle(x, 2).flatten().tolist()
        [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]
    """
    batch, channels, height, width = x.shape
    runs = x.reshape(batch, groups, channels // groups, height, width)
    return runs.transpose(1, 2).reshape(batch, channels, height, width)


def in_layout_of(y: Tensor, x: Tensor) -> Tensor:
    """Return ``y`` in channels-last order if ``x`` is so, else as it is."""
    last = torch.channels_last
    if x.is_contiguous(memory_format=last) and not x.is_contiguous():
        return y.contiguous(memory_format=last)
    return y
