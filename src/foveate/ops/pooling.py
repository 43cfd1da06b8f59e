"""Pooling by means and maxima.

Never by adaptive pooling: that bakes the size of the example into an exported model
and has no deterministic gradient on CUDA.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from foveate.ops._op import Op
from foveate.ops.gates import scale
from foveate.ops.kernels import pooling as kernels
from foveate.ops.kernels._conditions import why_not_native, why_not_triton
from foveate.ops.kernels._gradients import differentiate
from foveate.ops.precision import at_least_float32

__all__ = [
    "POOLS",
    "mean_max_over_channels",
    "mean_max_over_places",
    "mean_of_rows_and_columns",
    "mean_over_places",
    "pool",
]

SUMMED = (torch.float32, torch.float64)


@Op
def mean_over_places(x: Tensor) -> Tensor:
    """Return the mean of each channel: ``(B, C, H, W)`` to ``(B, C, 1, 1)``."""
    return x.mean(dim=(2, 3), keepdim=True)


def _why_not_summed(x: Tensor) -> str | None:
    if not (x.requires_grad and torch.is_grad_enabled()):
        return "pays where a gradient is asked for"
    # a sum in half precision would overflow where a mean does not
    if x.dtype in SUMMED:
        return None
    return f"takes float32 and float64, got {x.dtype}"


@mean_over_places.faster("eager", why_not=_why_not_summed)
def _(x: Tensor) -> Tensor:
    # the gradient of a mean is written for each place, that of a sum is a view
    return x.sum(dim=(2, 3), keepdim=True) / (x.shape[2] * x.shape[3])


@Op
def mean_max_over_places(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and maximum of each channel; ties share the gradient.

    Args:
        x: Feature map, ``(B, C, H, W)``.

    Returns:
        Twice ``(B, C, 1, 1)``.
    """
    return mean_over_places(x), _max(x)


def _why_not_native(x: Tensor) -> str | None:
    return why_not_native(x)


def _why_not_triton(x: Tensor) -> str | None:
    return why_not_triton(x)


@mean_max_over_places.faster("native", why_not=_why_not_native, in_graphs=True)
@mean_max_over_places.faster(
    "triton", why_not=_why_not_triton, in_graphs=True, when_asked=True
)
def _(x: Tensor) -> tuple[Tensor, Tensor]:
    pooled: tuple[Tensor, Tensor] = kernels.mean_max_over_places(x)
    return pooled


@Op
def mean_max_over_channels(x: Tensor, gate: Tensor | None = None) -> Tensor:
    """Return mean and maximum over channels at each place; ties share the gradient.

    Args:
        x: Feature map, ``(B, C, H, W)``.
        gate: ``(B, C, 1, 1)``: ``x`` is scaled by it first. None: it is not.

    Returns:
        ``(B, 2, H, W)``.
    """
    scaled = x if gate is None else scale(x, gate)
    mean = scaled.mean(dim=1, keepdim=True)
    return torch.cat([mean, scaled.amax(dim=1, keepdim=True)], dim=1)


def _why_not_native_channels(x: Tensor, gate: Tensor | None = None) -> str | None:
    if gate is None:
        return why_not_native(x)
    return why_not_native(x, gate) or _why_not_gate(x, gate)


def _why_not_triton_channels(x: Tensor, gate: Tensor | None = None) -> str | None:
    if gate is None:
        return why_not_triton(x)
    return why_not_triton(x, gate) or _why_not_gate(x, gate)


def _why_not_gate(x: Tensor, gate: Tensor) -> str | None:
    if gate.shape == (*x.shape[:2], 1, 1):
        return None
    return f"takes a gate of shape (B, C, 1, 1), got {tuple(gate.shape)}"


@mean_max_over_channels.faster(
    "native", why_not=_why_not_native_channels, in_graphs=True
)
@mean_max_over_channels.faster(
    "triton", why_not=_why_not_triton_channels, in_graphs=True, when_asked=True
)
def _(x: Tensor, gate: Tensor | None = None) -> Tensor:
    in_type = None if gate is None else gate.to(x.dtype)
    pooled: Tensor = kernels.mean_max_over_channels(x, in_type)
    return pooled


@Op
def mean_of_rows_and_columns(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean of each row and of each column of each channel.

    Args:
        x: Feature map, ``(B, C, H, W)``.

    Returns:
        ``(B, C, H, 1)`` and ``(B, C, 1, W)``.
    """
    return x.mean(dim=3, keepdim=True), x.mean(dim=2, keepdim=True)


@mean_of_rows_and_columns.faster("native", why_not=_why_not_native, in_graphs=True)
@mean_of_rows_and_columns.faster(
    "triton", why_not=_why_not_triton, in_graphs=True, when_asked=True
)
def _(x: Tensor) -> tuple[Tensor, Tensor]:
    means: tuple[Tensor, Tensor] = kernels.mean_of_rows_and_columns(x)
    return means


def _max(x: Tensor) -> Tensor:
    """Return the maximum of each channel; ties share the gradient."""
    return x.amax(dim=(2, 3), keepdim=True)


def _lp(x: Tensor) -> Tensor:
    """Return the Euclidean norm of each channel, summed in float32 or better."""
    norm: Tensor = torch.linalg.vector_norm(
        at_least_float32(x), dim=(2, 3), keepdim=True
    )
    return norm.to(x.dtype)


def _lse(x: Tensor) -> Tensor:
    """Return the logarithm of the sum of exponentials of each channel, stably."""
    return at_least_float32(x).logsumexp(dim=(2, 3), keepdim=True).to(x.dtype)


POOLS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "avg": mean_over_places,
    "max": _max,
    "lp": _lp,
    "lse": _lse,
}
"""Ways to pool a map to one value a channel, by the names of the CBAM code."""


def pool(x: Tensor, how: str) -> Tensor:
    """Pool each channel to one value: ``(B, C, H, W)`` to ``(B, C, 1, 1)``.

    Args:
        x: Feature map, ``(B, C, H, W)``.
        how: A key of ``POOLS``: ``avg``, ``max``, ``lp`` (L2 norm) or ``lse``
            (log of the sum of exponentials).
    """
    return POOLS[how](x)


differentiate(
    kernels.mean_max_over_places,
    kernels.mean_max_over_places_backward,
    mean_max_over_places.reference,
    outputs=2,
    saved=(1,),
)
differentiate(
    kernels.mean_max_over_channels,
    kernels.mean_max_over_channels_backward,
    mean_max_over_channels.reference,
    saved=(0,),
)
differentiate(
    kernels.mean_of_rows_and_columns,
    kernels.mean_of_rows_and_columns_backward,
    mean_of_rows_and_columns.reference,
    outputs=2,
)
