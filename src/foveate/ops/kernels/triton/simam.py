"""SimAM: one read of each channel where it fits in a tile, two where it is larger."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from foveate.ops.kernels.triton._common import (
    add_up,
    launch,
    parts_of,
    place_in_tile,
    plane_tiles,
    sigmoid,
)
from foveate.ops.kernels.triton._moments import moments_of_planes

__all__ = ["simam", "simam_backward"]


def simam(x: Tensor, e_lambda: float) -> tuple[Tensor, Tensor]:
    """Return the scaled map, and mean and factor of each channel, ``(B, C, 2)``."""
    x = x.contiguous()
    y = torch.empty_like(x)
    saved = x.new_empty((*x.shape[:2], 2), dtype=torch.float32)
    others, tiles = _others(x), plane_tiles(x)
    known: tuple[Tensor | None, Tensor | None] = (None, None)
    if tiles.cuts > 1:
        known = moments_of_planes(x, divisor=others)
    launch(_simam, tiles, x, y, saved, *known, e_lambda, others)
    return y, saved


def simam_backward(dy: Tensor, x: Tensor, e_lambda: float, saved: Tensor) -> Tensor:  # noqa: ARG001
    """Return the gradient of the input."""
    dy, x, saved = dy.contiguous(), x.contiguous(), saved.contiguous()
    dx = torch.empty_like(x)
    tiles, sums = plane_tiles(x), None
    if tiles.cuts > 1:
        sums = torch.empty_like(saved)
        parts = parts_of(sums, x.shape[0] * x.shape[1], tiles.cuts, 2)
        launch(_sums, tiles, dy, x, saved, parts)
        add_up(parts, sums)
    launch(_backward, tiles, dy, x, saved, sums, dx, _others(x))
    return dx


@triton.jit
def _simam(
    x, y, saved, means, variances, e_lambda, others, planes, places, chunks,
    tile_planes: tl.constexpr, tile_places: tl.constexpr,
):  # fmt: skip
    plane, place, inside = place_in_tile(
        planes, places, chunks, tile_planes, tile_places
    )
    values = tl.load(x + plane * places + place, inside, 0.0).to(tl.float32)
    exists = plane < planes
    if means is None:
        mean = tl.sum(values, 1, keep_dims=True) / places
        centred = tl.where(inside, values - mean, 0.0)
        variance = tl.sum(centred * centred, 1, keep_dims=True) / others
    else:
        mean = tl.load(means + plane, exists, 0.0)
        variance = tl.load(variances + plane, exists, 0.0)
        centred = values - mean
    factor = 1.0 / (4.0 * (variance + e_lambda))
    scaled = values * sigmoid(factor * centred * centred + 0.5)
    tl.store(y + plane * places + place, scaled, inside)
    once = exists & (tl.program_id(0) % chunks == 0)
    tl.store(saved + 2 * plane, mean, once)
    tl.store(saved + 2 * plane + 1, factor, once)


@triton.jit
def _pieces(dy, x, saved, plane, place, planes, places):
    """Return what a gradient is made of.

    With the sigmoid s these are: x - mean, the factor, dy * s, and
    dy * x * s * (1 - s).
    """
    offset = plane * places + place
    exists = plane < planes
    inside = exists & (place < places)
    gradient = tl.load(dy + offset, inside, 0.0).to(tl.float32)
    values = tl.load(x + offset, inside, 0.0).to(tl.float32)
    centred = values - tl.load(saved + 2 * plane, exists, 0.0)
    factor = tl.load(saved + 2 * plane + 1, exists, 0.0)
    gate = sigmoid(factor * centred * centred + 0.5)
    # where there is no place, gradient and value are 0, and so is what is summed
    return centred, factor, gradient * gate, gradient * values * gate * (1.0 - gate)


@triton.jit
def _sums(
    dy, x, saved, parts, planes, places, chunks,
    tile_planes: tl.constexpr, tile_places: tl.constexpr,
):  # fmt: skip
    plane, place, _inside = place_in_tile(
        planes, places, chunks, tile_planes, tile_places
    )
    centred, _factor, _direct, slope = _pieces(
        dy, x, saved, plane, place, planes, places
    )
    part = parts + 2 * (plane * chunks + tl.program_id(0) % chunks)
    first = tl.sum(centred * slope, 1, keep_dims=True)
    second = tl.sum(centred * centred * slope, 1, keep_dims=True)
    tl.store(part, first, plane < planes)
    tl.store(part + 1, second, plane < planes)


@triton.jit
def _backward(
    dy, x, saved, sums, dx, others, planes, places, chunks,
    tile_planes: tl.constexpr, tile_places: tl.constexpr,
):  # fmt: skip
    plane, place, inside = place_in_tile(
        planes, places, chunks, tile_planes, tile_places
    )
    centred, factor, direct, slope = _pieces(dy, x, saved, plane, place, planes, places)
    if sums is None:
        first = tl.sum(centred * slope, 1, keep_dims=True)
        second = tl.sum(centred * centred * slope, 1, keep_dims=True)
    else:
        first = tl.load(sums + 2 * plane, plane < planes, 0.0)
        second = tl.load(sums + 2 * plane + 1, plane < planes, 0.0)
    through_variance = -8.0 * factor * factor * second / others
    through_mean = -2.0 * factor * first / places
    own = direct + 2.0 * factor * centred * slope
    found = own + through_variance * centred + through_mean
    tl.store(dx + plane * places + place, found, inside)


def _others(x: Tensor) -> float:
    """Return the divisor of a variance: one less than the places, at least 1."""
    return float(max(x.shape[2] * x.shape[3] - 1, 1))
