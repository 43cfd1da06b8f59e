"""Scale a feature map by gates, or several by their weights."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor

from foveate.ops._op import Op
from foveate.ops.kernels import scaling as kernels
from foveate.ops.kernels._conditions import (
    batch_of_maps,
    why_not_native,
    why_not_triton,
)
from foveate.ops.kernels._gradients import differentiate

__all__ = ["scale", "sigmoid_scale", "weighted_sum"]

# the scaled map has the same bits either way, so that a whole batch may be counted
FEWEST_ONE, FEWEST_TWO = 1 << 20, 1 << 18
"""Values of a batch below which one gate, or two, take less time in torch."""
FEWEST_TWO_LEARNING = 1 << 15
"""The same for two gates that learn: there torch would keep a scaled map as well."""
NEW_MEMORY = 1 << 23
"""Values of a map whose memory is new each time, for which the kernel asks better."""
FEWEST_LOGITS = 1 << 15
"""Values of an image below which full logits take less time in torch."""


@Op
def scale(x: Tensor, *gates: Tensor) -> Tensor:
    """Scale ``x`` by each of ``gates``, in the type of ``x``.

    Args:
        x: Feature map, ``(B, C, H, W)``.
        *gates: Each broadcasts to ``x``, such as ``(B, C, 1, 1)`` or ``(B, 1, H, W)``.

    Returns:
        Same shape and dtype as ``x``, also under autocast.
    """
    return reduce(lambda scaled, gate: scaled * gate.to(x.dtype), gates, x)


def _why_no_kernel(x: Tensor, gates: Sequence[Tensor]) -> str | None:
    """Return why no kernel scales a map by these gates, or None."""
    if len(gates) == 1 and kernels.gate_of(x, gates[0]) is not None:
        return None
    if len(gates) == 2 and kernels.is_pair(x, *gates):  # noqa: PLR2004
        return None
    shapes = ", ".join(str(tuple(gate.shape)) for gate in gates)
    return f"takes one gate, or channels and places, or rows and columns, got {shapes}"


def _why_not_worth(x: Tensor, gates: Sequence[Tensor]) -> str | None:
    """Return why torch is as fast, or None."""
    values = x.numel()
    learns = torch.is_grad_enabled() and any(t.requires_grad for t in (x, *gates))
    if len(gates) == 1 and not learns and values < NEW_MEMORY:
        return "one gate without a gradient is one pass in torch too"
    fewest = FEWEST_ONE if len(gates) == 1 else FEWEST_TWO
    if len(gates) > 1 and learns:
        fewest = FEWEST_TWO_LEARNING
    return f"pays from {fewest} values, got {values}" if values < fewest else None


def _why_not_native(x: Tensor, *gates: Tensor) -> str | None:
    return (
        _why_not_worth(x, gates)
        or why_not_native(x, *gates, fewest=1)
        or _why_no_kernel(x, gates)
    )


def _why_not_triton(x: Tensor, *gates: Tensor) -> str | None:
    return why_not_triton(x, *gates) or _why_no_kernel(x, gates)


@scale.faster("native", why_not=_why_not_native)
@scale.faster("triton", why_not=_why_not_triton, when_asked=True)
def _by_kernel(x: Tensor, *gates: Tensor) -> Tensor:
    of_type = [gate.to(x.dtype) for gate in gates]
    scaled: Tensor = (
        kernels.scale_one(x, *of_type)
        if len(gates) == 1
        else kernels.scale_two(x, *of_type)
    )
    return scaled


@Op
def sigmoid_scale(x: Tensor, logits: Tensor) -> Tensor:
    """Scale ``x`` by the sigmoid of ``logits``.

    Args:
        x: Feature map, ``(B, C, H, W)``.
        logits: Broadcasts to ``x``, such as ``(B, C, 1, 1)`` or ``(B, 1, H, W)``.

    Returns:
        Same shape and dtype as ``x``.
    """
    return scale(x, torch.sigmoid(logits))


def _why_not_native_logits(x: Tensor, logits: Tensor) -> str | None:
    if logits.shape != x.shape:
        return _why_not_native(x, logits)
    if logits.dtype != x.dtype:
        return f"takes logits of {x.dtype}, as the map, got {logits.dtype}"
    if not batch_of_maps(logits):
        return f"takes logits that are contiguous, got strides {logits.stride()}"
    return why_not_native(x, logits, fewest=FEWEST_LOGITS)


def _why_not_triton_logits(x: Tensor, logits: Tensor) -> str | None:
    if logits.shape != x.shape:
        return _why_not_triton(x, logits)
    return why_not_triton(x, logits)


@sigmoid_scale.faster("native", why_not=_why_not_native_logits)
@sigmoid_scale.faster("triton", why_not=_why_not_triton_logits, when_asked=True)
def _(x: Tensor, logits: Tensor) -> Tensor:
    if logits.shape != x.shape:
        return _by_kernel(x, torch.sigmoid(logits))
    scaled: Tensor = kernels.scale_full(x, logits)
    return scaled


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


differentiate(kernels.scale_one, kernels.scale_one_backward, scale.reference)
differentiate(kernels.scale_two, kernels.scale_two_backward, scale.reference)
differentiate(
    kernels.scale_full, kernels.scale_full_backward, lambda x, z: x * torch.sigmoid(z)
)
