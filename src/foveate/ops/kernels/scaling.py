"""A map scaled by small gates or a sigmoid of its size, or blended, in one pass."""

from __future__ import annotations

from importlib import import_module

import torch
from torch import Tensor

from foveate.ops.kernels import native
from foveate.ops.kernels._operation import Operation, operation

__all__ = [
    "blend",
    "blend_backward",
    "gate_of",
    "is_pair",
    "scale_full",
    "scale_full_backward",
    "scale_one",
    "scale_one_backward",
    "scale_two",
    "scale_two_backward",
]

CHANNEL, PLACE, ROW, COLUMN = range(4)
BLOCK_PLACES, BLOCK_CHANNELS = 16384, 64
"""The most whose gradients one thread adds up; as in scaling.c."""


def gate_of(x: Tensor, gate: Tensor) -> int | None:
    """Return which gate it is for the map ``x``, or None if it is none of the kernels'.

    Where sides of 1 make it several, it is the first.
    """
    shapes = enumerate(_shapes(x))
    return next((kind for kind, shape in shapes if gate.shape == shape), None)


def is_pair(x: Tensor, first: Tensor, second: Tensor) -> bool:
    """Tell whether gates are of channels and places, or of rows and columns."""
    channel, place, row, column = _shapes(x)
    pair = (first.shape, second.shape)
    return pair in {(channel, place), (row, column)}


@operation("cpu")
def scale_one(x: Tensor, gate: Tensor) -> Tensor:
    """Return ``x`` times a gate of channels, places, rows or columns."""
    y = x.new_empty(x.shape)
    native.call(
        "fv_scale_one",
        *(x, gate.contiguous(), y, gate_of(x, gate)),
        *(*x.shape, x.stride(0)),
    )
    return y


@operation("cpu")
def scale_one_backward(dy: Tensor, x: Tensor, gate: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gradients of the map and of the gate."""
    kind = gate_of(x, gate)
    if kind == PLACE:
        dx, _, dgate = _places_backward(dy, x, None, gate)
        return dx, dgate
    dx, dgate = x.new_empty(x.shape), x.new_empty(gate.shape)
    native.call(
        "fv_scale_one_backward",
        *(dy.contiguous(), x, gate.contiguous(), dx, dgate, kind),
        *(*x.shape, x.stride(0)),
    )
    return dx, dgate


@operation("cpu")
def scale_two(x: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Return ``x`` times gates of channels and places, or of rows and columns."""
    y = x.new_empty(x.shape)
    native.call(
        "fv_scale_two",
        *(x, first.contiguous(), second.contiguous(), y, _by_rows(x, second)),
        *(*x.shape, x.stride(0)),
    )
    return y


@operation("cpu")
def scale_two_backward(
    dy: Tensor, x: Tensor, first: Tensor, second: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of the map and of both gates."""
    if not _by_rows(x, second):
        return _places_backward(dy, x, first, second)
    dx = x.new_empty(x.shape)
    dfirst, dsecond = x.new_empty(first.shape), x.new_empty(second.shape)
    native.call(
        "fv_scale_rows_backward",
        *(dy.contiguous(), x, first.contiguous(), second.contiguous()),
        *(dx, dfirst, dsecond, *x.shape, x.stride(0)),
    )
    return dx, dfirst, dsecond


@operation("cpu")
def scale_full(x: Tensor, logits: Tensor) -> Tensor:
    """Return ``x`` times the sigmoid of logits of its shape."""
    y = x.new_empty(x.shape)
    native.call(
        "fv_scale_full", x, logits, y, *_sizes(x), x.stride(0), logits.stride(0)
    )
    return y


@operation("cpu")
def scale_full_backward(dy: Tensor, x: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gradients of the map and of the logits."""
    dx, dlogits = x.new_empty(x.shape), x.new_empty(x.shape)
    native.call(
        "fv_scale_full_backward",
        *(dy.contiguous(), x, logits, dx, dlogits),
        *(*_sizes(x), x.stride(0), logits.stride(0)),
    )
    return dx, dlogits


@operation("cpu")
def blend(x: Tensor, y: Tensor, amount: Tensor) -> Tensor:
    """Return ``x + amount * (y - x)``, with an amount for each channel."""
    z = x.new_empty(x.shape)
    native.call(
        "fv_blend",
        *(x, y, amount.contiguous(), z),
        *(*_sizes(x), x.stride(0), y.stride(0)),
    )
    return z


@operation("cpu")
def blend_backward(
    dz: Tensor, x: Tensor, y: Tensor, amount: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of both maps and of the amounts."""
    dx, dy = x.new_empty(x.shape), x.new_empty(x.shape)
    sums = x.new_empty(*x.shape[:2], 1, 1)
    native.call(
        "fv_blend_backward",
        *(dz.contiguous(), x, y, amount.contiguous(), dx, dy, sums),
        *(*_sizes(x), x.stride(0), y.stride(0)),
    )
    return dx, dy, sums.sum(dim=0, keepdim=True)


def _shapes(x: Tensor) -> tuple[tuple[int, ...], ...]:
    """Return the shapes of gates of channels, places, rows and columns."""
    batch, channels, height, width = x.shape
    return (
        (batch, channels, 1, 1),
        (batch, 1, height, width),
        (batch, channels, height, 1),
        (batch, channels, 1, width),
    )


def _places_backward(
    dy: Tensor, x: Tensor, first: Tensor | None, second: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return gradients of a gate of places, and of one of channels if there is one."""
    batch, channels, height, width = x.shape
    across = -(-height * width // BLOCK_PLACES)
    down = -(-channels // BLOCK_CHANNELS)
    dx = x.new_empty(x.shape)
    dfirst = x.new_empty(batch, across, channels, 1, 1)
    dsecond = x.new_empty(batch, down, 1, height, width)
    native.call(
        "fv_scale_places_backward",
        *(dy.contiguous(), x, None if first is None else first.contiguous()),
        *(second.contiguous(), dx, None if first is None else dfirst, dsecond),
        *(batch, channels, height * width, x.stride(0)),
    )
    return dx, _added(dfirst), _added(dsecond)


def _added(parts: Tensor) -> Tensor:
    return parts[:, 0] if parts.shape[1] == 1 else parts.sum(dim=1)


def _by_rows(x: Tensor, second: Tensor) -> bool:
    """Tell gates of rows and columns from those of channels and places."""
    return gate_of(x, second) != PLACE


def _sizes(x: Tensor) -> tuple[int, int, int]:
    return x.shape[0], x.shape[1], x.shape[2] * x.shape[3]


def _register(name: str, op: Operation, *, is_gradient: bool) -> None:
    """Register shapes, those of the tensors that go in, and the kernel for CUDA."""

    def fake(*inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        like = tuple(
            torch.empty_like(value, memory_format=torch.contiguous_format)
            for value in inputs
        )
        return like[1:] if is_gradient else like[0]

    def on_cuda(*inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        kernels = import_module("foveate.ops.kernels.triton.scaling")
        found: Tensor | tuple[Tensor, ...] = getattr(kernels, name)(*inputs)
        return found

    op.register_fake(fake)
    op.register_kernel("cuda")(on_cuda)


_register("scale_one", scale_one, is_gradient=False)
_register("scale_two", scale_two, is_gradient=False)
_register("scale_full", scale_full, is_gradient=False)
_register("blend", blend, is_gradient=False)
_register("scale_one_backward", scale_one_backward, is_gradient=True)
_register("scale_two_backward", scale_two_backward, is_gradient=True)
_register("scale_full_backward", scale_full_backward, is_gradient=True)
_register("blend_backward", blend_backward, is_gradient=True)
