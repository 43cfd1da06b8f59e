"""Mean and maximum over places or channels, means of rows and columns."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from foveate.ops.kernels.triton import _over_sides
from foveate.ops.kernels.triton._common import (
    add_up,
    channel_tiles,
    larger,
    largest,
    launch,
    parts_of,
    place_in_tile,
    plane_tiles,
    take_largest,
)
from foveate.ops.kernels.triton._over_channels import place_of_program

__all__ = [
    "mean_max_over_channels",
    "mean_max_over_channels_backward",
    "mean_max_over_places",
    "mean_max_over_places_backward",
    "mean_of_rows_and_columns",
    "mean_of_rows_and_columns_backward",
]


def mean_max_over_places(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and maximum of each channel, ``(B, C, 1, 1)``."""
    x = x.contiguous()
    mean = x.new_empty((*x.shape[:2], 1, 1))
    maximum = torch.empty_like(mean)
    tiles = plane_tiles(x)
    planes, places, chunks = tiles.sizes
    means = parts_of(mean, planes, chunks, 1)
    maxima = parts_of(maximum, planes, chunks, 1)
    # sums are divided once: here, or where the parts are added up
    divisor = float(places if chunks == 1 else 1)
    launch(_mean_max, tiles, x, means, maxima, divisor)
    add_up(means, mean, float(places))
    take_largest(maxima, maximum)
    return mean, maximum


def mean_max_over_places_backward(
    dmean: Tensor, dmax: Tensor, x: Tensor, maximum: Tensor
) -> Tensor:
    """Return the gradient of the map; values that tie share that of the maximum."""
    dmean, dmax, x, maximum = (v.contiguous() for v in (dmean, dmax, x, maximum))
    dx = torch.empty_like(x)
    tiles, counts = plane_tiles(x), None
    if tiles.cuts > 1:
        counts = torch.empty_like(maximum, dtype=torch.float32)
        parts = parts_of(counts, counts.numel(), tiles.cuts, 1)
        launch(_count_ties, tiles, x, maximum, parts)
        add_up(parts, counts)
    launch(_mean_max_backward, tiles, dmean, dmax, x, maximum, counts, dx)
    return dx


def mean_max_over_channels(x: Tensor, gate: Tensor | None) -> Tensor:
    """Return mean and maximum of ``x``, or of ``x * gate``, ``(B, 2, H, W)``."""
    x, gate = x.contiguous(), None if gate is None else gate.contiguous()
    batch, _channels, height, width = x.shape
    pooled = x.new_empty((batch, 2, height, width))
    launch(_pool_channels, channel_tiles(x), x, gate, pooled)
    return pooled


def mean_max_over_channels_backward(
    dpooled: Tensor, x: Tensor, gate: Tensor | None, pooled: Tensor
) -> list[Tensor]:
    """Return the gradient of ``x``, and that of the gate if there is one."""
    dpooled, x, pooled = dpooled.contiguous(), x.contiguous(), pooled.contiguous()
    dx = torch.empty_like(x)
    tiles = channel_tiles(x)
    dgate = parts = None
    if gate is not None:
        gate = gate.contiguous()
        dgate = torch.empty_like(gate)
        parts = parts_of(dgate, x.shape[0], tiles.cuts, x.shape[1])
    launch(_pool_channels_backward, tiles, dpooled, x, gate, pooled, dx, parts)
    if dgate is None or parts is None:
        return [dx]
    add_up(parts, dgate)
    return [dx, dgate]


def mean_of_rows_and_columns(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the means of rows, ``(B, C, H, 1)``, and of columns, ``(B, C, 1, W)``."""
    return _over_sides.means(x.contiguous())


def mean_of_rows_and_columns_backward(
    drows: Tensor, dcolumns: Tensor, x: Tensor
) -> Tensor:
    """Return the gradient of the map, of which only the shape is needed."""
    return _over_sides.means_backward(drows.contiguous(), dcolumns.contiguous(), x)


@triton.jit
def _mean_max(
    x, means, maxima, divisor, planes, places, chunks,
    tile_planes: tl.constexpr, tile_places: tl.constexpr,
):  # fmt: skip
    plane, place, inside = place_in_tile(
        planes, places, chunks, tile_planes, tile_places
    )
    values = tl.load(x + plane * places + place, inside, 0.0).to(tl.float32)
    mean = tl.sum(values, 1, keep_dims=True) / divisor
    found = largest(tl.where(inside, values, float("-inf")), 1)[:, None]
    target = plane * chunks + tl.program_id(0) % chunks
    tl.store(means + target, mean, plane < planes)
    tl.store(maxima + target, found, plane < planes)


@triton.jit
def _ties(values, maximum, inside):
    """Return 1 where a value is the maximum, else 0; none is where that is a NaN."""
    return tl.where(inside & (values == maximum), 1.0, 0.0)


@triton.jit
def _count_ties(
    x, maximum, counts, planes, places, chunks,
    tile_planes: tl.constexpr, tile_places: tl.constexpr,
):  # fmt: skip
    plane, place, inside = place_in_tile(
        planes, places, chunks, tile_planes, tile_places
    )
    values = tl.load(x + plane * places + place, inside, 0.0)
    ties = _ties(values, tl.load(maximum + plane, plane < planes, 0.0), inside)
    target = plane * chunks + tl.program_id(0) % chunks
    tl.store(counts + target, tl.sum(ties, 1, keep_dims=True), plane < planes)


@triton.jit
def _mean_max_backward(
    dmean, dmax, x, maximum, counts, dx, planes, places, chunks,
    tile_planes: tl.constexpr, tile_places: tl.constexpr,
):  # fmt: skip
    plane, place, inside = place_in_tile(
        planes, places, chunks, tile_planes, tile_places
    )
    exists = plane < planes
    values = tl.load(x + plane * places + place, inside, 0.0)
    ties = _ties(values, tl.load(maximum + plane, exists, 0.0), inside)
    if counts is None:
        count = tl.sum(ties, 1, keep_dims=True)
    else:
        count = tl.load(counts + plane, exists, 1.0)
    through_mean = tl.load(dmean + plane, exists, 0.0).to(tl.float32) / places
    # where the maximum is a NaN none ties with it: 0 / 0, a NaN for all
    through_max = tl.load(dmax + plane, exists, 0.0).to(tl.float32) * ties / count
    tl.store(dx + plane * places + place, through_mean + through_max, inside)


@triton.jit
def _scaled(x, gate, plane, place, places, exists, inside):
    """Return values, scaled if there is a gate and rounded to the type of ``x``.

    Rounded, so that a maximum that was stored in that type equals its value.
    """
    values = tl.load(x + plane * places + place, inside, 0.0)
    scaled = values.to(tl.float32)
    if gate is not None:
        scaled *= tl.load(gate + plane, exists, 0.0).to(tl.float32)
    return scaled.to(values.dtype).to(tl.float32)


@triton.jit
def _pool_channels(
    x, gate, pooled, channels, places, blocks,
    tile_channels: tl.constexpr, tile_places: tl.constexpr,
):  # fmt: skip
    _program, image, place, exists = place_of_program(places, blocks, tile_places)
    sums = tl.zeros((tile_channels, tile_places), tl.float32)
    most = tl.full((tile_channels, tile_places), float("-inf"), tl.float32)
    for start in range(0, channels, tile_channels):
        channel = start + tl.arange(0, tile_channels)[:, None]
        inside = (channel < channels) & exists
        plane = image * channels + channel
        values = _scaled(x, gate, plane, place, places, channel < channels, inside)
        sums += tl.where(inside, values, 0.0)
        most = larger(tl.where(inside, values, float("-inf")), most)
    mean = tl.sum(sums, 0, keep_dims=True) / channels
    target = image * 2 * places + place
    tl.store(pooled + target, mean, exists)
    tl.store(pooled + target + places, largest(most, 0)[None, :], exists)


@triton.jit
def _pool_channels_backward(
    dpooled, x, gate, pooled, dx, gate_parts, channels, places, blocks,
    tile_channels: tl.constexpr, tile_places: tl.constexpr,
):  # fmt: skip
    program, image, place, exists = place_of_program(places, blocks, tile_places)
    at = image * 2 * places + place
    of_mean = tl.load(dpooled + at, exists, 0.0).to(tl.float32) / channels
    of_max = tl.load(dpooled + at + places, exists, 0.0).to(tl.float32)
    maximum = tl.load(pooled + at + places, exists, 0.0).to(tl.float32)
    ties = tl.zeros((tile_channels, tile_places), tl.float32)
    for start in range(0, channels, tile_channels):
        channel = start + tl.arange(0, tile_channels)[:, None]
        inside = (channel < channels) & exists
        plane = image * channels + channel
        values = _scaled(x, gate, plane, place, places, channel < channels, inside)
        ties += _ties(values, maximum, inside)
    count = tl.sum(ties, 0, keep_dims=True)
    for start in range(0, channels, tile_channels):
        channel = start + tl.arange(0, tile_channels)[:, None]
        inside = (channel < channels) & exists
        plane = image * channels + channel
        values = _scaled(x, gate, plane, place, places, channel < channels, inside)
        # where the maximum is a NaN none ties with it: 0 / 0, a NaN for all
        found = of_mean + of_max * _ties(values, maximum, inside) / count
        offset = plane * places + place
        if gate is not None:
            plain = tl.load(x + offset, inside, 0.0).to(tl.float32)
            total = tl.sum(tl.where(inside, found * plain, 0.0), 1, keep_dims=True)
            part = program * channels + channel
            tl.store(gate_parts + part, total, channel < channels)
            scale = tl.load(gate + plane, channel < channels, 0.0)
            found *= scale.to(tl.float32)
        tl.store(dx + offset, found, inside)
