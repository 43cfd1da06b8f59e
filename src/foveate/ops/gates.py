"""Scale a feature map by a gate."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["scale", "sigmoid_scale"]


def scale(x: Tensor, gate: Tensor) -> Tensor:
    """Scale ``x`` by ``gate``, in the type of ``x``.

    Args:
        x: Feature map, ``(B, C, H, W)``.
        gate: Broadcasts to ``x``, such as ``(B, C, 1, 1)`` or ``(B, 1, H, W)``.

    Returns:
        Same shape and dtype as ``x``, also under autocast.
    """
    return x * gate.to(x.dtype)


def sigmoid_scale(x: Tensor, logits: Tensor) -> Tensor:
    """Scale ``x`` by the sigmoid of ``logits``.

    Args:
        x: Feature map, ``(B, C, H, W)``.
        logits: Broadcasts to ``x``, such as ``(B, C, 1, 1)`` or ``(B, 1, H, W)``.

    Returns:
        Same shape and dtype as ``x``.
    """
    return scale(x, torch.sigmoid(logits))
