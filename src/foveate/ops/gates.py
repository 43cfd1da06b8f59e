"""Scale a feature map by a gate, or several by their weights."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor

__all__ = ["scale", "sigmoid_scale", "weighted_sum"]


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


def weighted_sum(maps: Sequence[Tensor], weights: Tensor) -> Tensor:
    """Add up ``maps``, each scaled by its weights.

    Args:
        maps: K feature maps of one shape, ``(B, C, H, W)``.
        weights: ``(B, K, C, 1, 1)``, or anything that broadcasts so.

    Returns:
        Same shape and dtype as each map.
    """
    scaled = [scale(x, w) for x, w in zip(maps, weights.unbind(dim=1), strict=True)]
    return reduce(torch.add, scaled)
