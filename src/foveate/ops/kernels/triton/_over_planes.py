"""Programs that own some planes, or a chunk of one: gates of channels and places."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from foveate.ops.kernels.triton._common import (
    MEDIUM,
    add_up,
    launch,
    parts_of,
    place_in_tile,
    plane_tiles,
)

__all__ = ["scale", "scale_backward"]


def scale(x: Tensor, channel: Tensor | None, place: Tensor | None) -> Tensor:
    """Return ``x * channel * place``; a gate that is None is left out."""
    y = torch.empty_like(x)
    launch(_scale, plane_tiles(x, MEDIUM), x, channel, place, y, x.shape[1])
    return y


def scale_backward(dy: Tensor, x: Tensor, channel: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gradients of ``x`` and of the channels' gate."""
    dx, dchannel, tiles = torch.empty_like(x), torch.empty_like(channel), plane_tiles(x)
    parts = parts_of(dchannel, dchannel.numel(), tiles.cuts, 1)
    launch(_scale_backward, tiles, dy, x, channel, dx, parts)
    add_up(parts, dchannel)
    return dx, dchannel


@triton.jit
def _scale(
    x, channel_gate, place_gate, y, channels, planes, places, chunks,
    tile_planes: tl.constexpr, tile_places: tl.constexpr,
):  # fmt: skip
    plane, place, inside = place_in_tile(
        planes, places, chunks, tile_planes, tile_places
    )
    offset = plane * places + place
    scaled = tl.load(x + offset, inside, 0.0).to(tl.float32)
    if channel_gate is not None:
        scaled *= tl.load(channel_gate + plane, plane < planes, 0.0).to(tl.float32)
    if place_gate is not None:
        at = plane // channels * places + place
        scaled *= tl.load(place_gate + at, inside, 0.0).to(tl.float32)
    tl.store(y + offset, scaled, inside)


@triton.jit
def _scale_backward(
    dy, x, gate, dx, parts, planes, places, chunks,
    tile_planes: tl.constexpr, tile_places: tl.constexpr,
):  # fmt: skip
    plane, place, inside = place_in_tile(
        planes, places, chunks, tile_planes, tile_places
    )
    offset = plane * places + place
    gradient = tl.load(dy + offset, inside, 0.0).to(tl.float32)
    values = tl.load(x + offset, inside, 0.0).to(tl.float32)
    scale = tl.load(gate + plane, plane < planes, 0.0).to(tl.float32)
    tl.store(dx + offset, gradient * scale, inside)
    found = tl.sum(gradient * values, 1, keep_dims=True)
    chunk = tl.program_id(0) % chunks
    tl.store(parts + plane * chunks + chunk, found, plane < planes)
