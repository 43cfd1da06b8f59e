"""Scale a map by one gate or two, by a full map of logits, or blend two maps."""

from __future__ import annotations

from typing import NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

from foveate.ops.kernels.triton import _over_channels, _over_planes, _over_sides
from foveate.ops.kernels.triton._common import (
    MEDIUM,
    Tiles,
    add_up,
    launch,
    parts_of,
    place_in_tile,
    plane_tiles,
    sigmoid,
    warps_of,
)

__all__ = [
    "blend",
    "blend_backward",
    "scale_full",
    "scale_full_backward",
    "scale_one",
    "scale_one_backward",
    "scale_two",
    "scale_two_backward",
]

FLAT = 2048


class Gates(NamedTuple):
    """The gates of a map by what they differ along; None: there is none."""

    channel: Tensor | None = None
    place: Tensor | None = None
    row: Tensor | None = None
    column: Tensor | None = None


def scale_one(x: Tensor, gate: Tensor) -> Tensor:
    """Return ``x * gate``, of channels, of places, of rows or of columns."""
    return _scale(x.contiguous(), _one(x, gate.contiguous()))


def scale_one_backward(dy: Tensor, x: Tensor, gate: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gradients of ``x`` and the gate."""
    dx, found = _backward(dy, x, _one(x, gate.contiguous()))
    return dx, next(gradient for gradient in found if gradient is not None)


def scale_two(x: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Return ``x * first * second``: channels and places, or rows and columns."""
    return _scale(x.contiguous(), _two(x, first.contiguous(), second.contiguous()))


def scale_two_backward(
    dy: Tensor, x: Tensor, first: Tensor, second: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of ``x`` and of both gates."""
    gates = _two(x, first.contiguous(), second.contiguous())
    dx, found = _backward(dy, x, gates)
    dfirst, dsecond = (gradient for gradient in found if gradient is not None)
    return dx, dfirst, dsecond


def scale_full(x: Tensor, logits: Tensor) -> Tensor:
    """Return ``x`` scaled by the sigmoid of ``logits``, of its shape."""
    x, logits = x.contiguous(), logits.contiguous()
    y = torch.empty_like(x)
    launch(_full, _flat(x), x, logits, y)
    return y


def scale_full_backward(dy: Tensor, x: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gradients of ``x`` and of ``logits``."""
    dy, x, logits = dy.contiguous(), x.contiguous(), logits.contiguous()
    dx, dlogits = torch.empty_like(x), torch.empty_like(logits)
    launch(_full_backward, _flat(x), dy, x, logits, dx, dlogits)
    return dx, dlogits


def blend(x: Tensor, y: Tensor, amount: Tensor) -> Tensor:
    """Return ``x + amount * (y - x)`` with an amount for each channel."""
    x, y, amount = x.contiguous(), y.contiguous(), amount.contiguous()
    z = torch.empty_like(x)
    launch(_blend, plane_tiles(x, MEDIUM), x, y, amount, z, x.shape[1])
    return z


def blend_backward(
    dz: Tensor, x: Tensor, y: Tensor, amount: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of both maps and of the amounts."""
    dz, x, y, amount = (value.contiguous() for value in (dz, x, y, amount))
    dx, dy, damount = (torch.empty_like(value) for value in (x, y, amount))
    tiles = plane_tiles(x)
    # an amount is shared by the images, so its parts are those of all of them
    parts = parts_of(damount, 1, x.shape[0] * tiles.cuts, x.shape[1])
    launch(_blend_backward, tiles, dz, x, y, amount, dx, dy, parts, x.shape[1])
    add_up(parts, damount)
    return dx, dy, damount


def _one(x: Tensor, gate: Tensor) -> Gates:
    batch, channels, height, width = x.shape
    if gate.shape == (batch, channels, 1, 1):
        return Gates(channel=gate)
    if gate.shape == (batch, 1, height, width):
        return Gates(place=gate)
    if gate.shape == (batch, channels, height, 1):
        return Gates(row=gate)
    return Gates(column=gate)


def _two(x: Tensor, first: Tensor, second: Tensor) -> Gates:
    batch, channels, height, width = x.shape
    of_channels = first.shape == (batch, channels, 1, 1)
    if of_channels and second.shape == (batch, 1, height, width):
        return Gates(channel=first, place=second)
    return Gates(row=first, column=second)


def _scale(x: Tensor, gates: Gates) -> Tensor:
    if gates.row is not None or gates.column is not None:
        return _over_sides.scale(x, gates.row, gates.column)
    return _over_planes.scale(x, gates.channel, gates.place)


def _backward(dy: Tensor, x: Tensor, gates: Gates) -> tuple[Tensor, Gates]:
    dy, x = dy.contiguous(), x.contiguous()
    if gates.place is not None:
        dx, *found = _over_channels.scale_backward(dy, x, gates.channel, gates.place)
        return dx, Gates(*found)
    if gates.channel is not None:
        dx, dchannel = _over_planes.scale_backward(dy, x, gates.channel)
        return dx, Gates(channel=dchannel)
    dx, *found = _over_sides.scale_backward(dy, x, gates.row, gates.column)
    return dx, Gates(None, None, *found)


def _flat(x: Tensor) -> Tiles:
    """Return tiles of values in a row."""
    programs = triton.cdiv(x.numel(), FLAT)
    return Tiles(programs, warps_of(FLAT), (x.numel(),), {"tile": FLAT})


@triton.jit
def _full(x, logits, y, count, tile: tl.constexpr):
    offset = tl.program_id(0).to(tl.int64) * tile + tl.arange(0, tile)
    inside = offset < count
    gate = sigmoid(tl.load(logits + offset, inside, 0.0).to(tl.float32))
    tl.store(y + offset, tl.load(x + offset, inside, 0.0).to(tl.float32) * gate, inside)


@triton.jit
def _full_backward(dy, x, logits, dx, dlogits, count, tile: tl.constexpr):
    offset = tl.program_id(0).to(tl.int64) * tile + tl.arange(0, tile)
    inside = offset < count
    gate = sigmoid(tl.load(logits + offset, inside, 0.0).to(tl.float32))
    direct = tl.load(dy + offset, inside, 0.0).to(tl.float32) * gate
    values = tl.load(x + offset, inside, 0.0).to(tl.float32)
    tl.store(dx + offset, direct, inside)
    tl.store(dlogits + offset, direct * values * (1.0 - gate), inside)


@triton.jit
def _blend(
    x, y, amount, z, channels, planes, places, chunks,
    tile_planes: tl.constexpr, tile_places: tl.constexpr,
):  # fmt: skip
    plane, place, inside = place_in_tile(
        planes, places, chunks, tile_planes, tile_places
    )
    offset = plane * places + place
    first = tl.load(x + offset, inside, 0.0).to(tl.float32)
    second = tl.load(y + offset, inside, 0.0).to(tl.float32)
    share = tl.load(amount + plane % channels, plane < planes, 0.0).to(tl.float32)
    tl.store(z + offset, first + share * (second - first), inside)


@triton.jit
def _blend_backward(
    dz, x, y, amount, dx, dy, parts, channels, planes, places, chunks,
    tile_planes: tl.constexpr, tile_places: tl.constexpr,
):  # fmt: skip
    plane, place, inside = place_in_tile(
        planes, places, chunks, tile_planes, tile_places
    )
    offset = plane * places + place
    gradient = tl.load(dz + offset, inside, 0.0).to(tl.float32)
    first = tl.load(x + offset, inside, 0.0).to(tl.float32)
    second = tl.load(y + offset, inside, 0.0).to(tl.float32)
    share = tl.load(amount + plane % channels, plane < planes, 0.0).to(tl.float32)
    tl.store(dx + offset, gradient - share * gradient, inside)
    tl.store(dy + offset, share * gradient, inside)
    found = tl.sum(gradient * (second - first), 1, keep_dims=True)
    part = plane // channels * chunks + tl.program_id(0) % chunks
    tl.store(parts + part * channels + plane % channels, found, plane < planes)
