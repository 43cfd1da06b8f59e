"""What the kernels share: tiles, sums of what several programs found, a sigmoid."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

__all__ = [
    "Tiles",
    "add_up",
    "channel_tiles",
    "larger",
    "largest",
    "launch",
    "parts_of",
    "place_in_tile",
    "plane_tiles",
    "sigmoid",
    "take_largest",
    "warps_of",
]

LARGEST = 16384
"""Values that a program keeps in registers while it reduces them."""

MEDIUM = 4096
"""Values of a program that reduces nothing, or reduces in a loop."""

SMALLEST = 1024
"""Values below which a program takes several planes."""

MANY_PLACES = 4096
VALUES_OF_A_WARP = 512
MOST_WARPS = 16


class Tiles(NamedTuple):
    """How the work of a kernel is cut, one program a tile.

    Attributes:
        programs: How many there are.
        warps: On how many warps each runs.
        sizes: Last arguments of the kernel; the last of them is how many tiles a plane,
            or the places of an image, are cut into.
        tile: Its constants: the sides of a tile, powers of 2.
    """

    programs: int
    warps: int
    sizes: tuple[int, ...]
    tile: dict[str, int]

    @property
    def cuts(self) -> int:
        """Into how many tiles a plane, or the places of an image, are cut."""
        return self.sizes[-1]


def plane_tiles(x: Tensor, most: int = LARGEST) -> Tiles:
    """Return tiles of some whole planes of ``x``, or of a chunk of one.

    Args:
        x: Feature map, ``(B, C, H, W)``.
        most: Values of the largest tile.
    """
    planes, places = x.shape[0] * x.shape[1], x.shape[2] * x.shape[3]
    tile_places = min(triton.next_power_of_2(places), most)
    tile_planes = max(SMALLEST // tile_places, 1)
    chunks = triton.cdiv(places, tile_places)
    return Tiles(
        triton.cdiv(planes, tile_planes) * chunks,
        warps_of(tile_planes * tile_places),
        (planes, places, chunks),
        {"tile_planes": tile_planes, "tile_places": tile_places},
    )


def channel_tiles(x: Tensor) -> Tiles:
    """Return tiles of some places of an image, whose program goes through channels."""
    channels, places = x.shape[1], x.shape[2] * x.shape[3]
    # narrow ones where there are few places: enough programs to fill a device
    width = 64 if places >= MANY_PLACES else 32
    tile_places = min(triton.next_power_of_2(places), width)
    tile_channels = min(triton.next_power_of_2(channels), MEDIUM // tile_places)
    blocks = triton.cdiv(places, tile_places)
    return Tiles(
        x.shape[0] * blocks,
        warps_of(tile_channels * tile_places),
        (channels, places, blocks),
        {"tile_channels": tile_channels, "tile_places": tile_places},
    )


def warps_of(values: int) -> int:
    """Return how many warps share a tile of ``values``, a power of 2."""
    return min(max(values // VALUES_OF_A_WARP, 1), MOST_WARPS)


def launch(kernel: Any, tiles: Tiles, *values: Any) -> None:
    """Run ``kernel`` with ``values``, then sizes, on the device of the first value."""
    if not tiles.programs:
        return
    device = values[0].device
    # Triton launches on the current device, wherever the tensors are
    chosen = torch.cuda.device(device) if device.type == "cuda" else nullcontext()
    with chosen:
        run = kernel[(tiles.programs,)]
        run(*values, *tiles.sizes, **tiles.tile, num_warps=tiles.warps)


def parts_of(total: Tensor, outer: int, parts: int, inner: int) -> Tensor:
    """Return where programs write what ``add_up`` adds up to ``total``.

    With one part there is nothing to add up: it is ``total`` itself.

    Args:
        total: Has ``outer * inner`` values.
        outer: How many groups of parts there are.
        parts: How many are added up.
        inner: How many neighbours are added up side by side.

    Returns:
        ``(outer, parts, inner)``, float32; or ``total``.
    """
    if parts == 1:
        return total
    return total.new_empty((outer, parts, inner), dtype=torch.float32)


def add_up(parts: Tensor, total: Tensor, divisor: float = 1.0) -> None:
    """Write the sums of ``parts`` over its second axis, divided, to ``total``."""
    if parts is not total:
        _fold(_add_up, parts, total, divisor)


def take_largest(parts: Tensor, total: Tensor) -> None:
    """Write the maxima of ``parts`` over its second axis to ``total``."""
    if parts is not total:
        _fold(_take_largest, parts, total)


@triton.jit
def place_in_tile(
    planes, places, chunks, tile_planes: tl.constexpr, tile_places: tl.constexpr
):
    """Return planes and places of this program's tile, and which of them exist."""
    program = tl.program_id(0).to(tl.int64)
    plane = program // chunks * tile_planes + tl.arange(0, tile_planes)[:, None]
    place = program % chunks * tile_places + tl.arange(0, tile_places)[None, :]
    return plane, place, (plane < planes) & (place < places)


@triton.jit
def sigmoid(logits):
    """Return the sigmoid; its division is exact, so that of 0 is one half."""
    return tl.div_rn(1.0, 1.0 + tl.exp(-logits))


@triton.jit
def larger(first, second):
    """Return the larger of two, or a NaN if either is one."""
    return tl.where((first > second) | (first != first), first, second)


@triton.jit
def largest(values, axis: tl.constexpr):
    """Return the maximum along an axis, or a NaN if there is one."""
    unknown = values != values
    known = tl.max(tl.where(unknown, float("-inf"), values), axis)
    return tl.where(tl.max(unknown.to(tl.int32), axis) > 0, float("nan"), known)


@triton.jit
def _add_up(
    parts, total, divisor, count, inner, blocks,
    tile_parts: tl.constexpr, tile_inner: tl.constexpr,
):  # fmt: skip
    program = tl.program_id(0).to(tl.int64)
    outer = program // blocks
    column = program % blocks * tile_inner + tl.arange(0, tile_inner)[None, :]
    row = tl.arange(0, tile_parts)[:, None]
    sums = tl.zeros((tile_parts, tile_inner), tl.float32)
    for start in range(0, count, tile_parts):
        inside = (start + row < count) & (column < inner)
        offset = (outer * count + start + row) * inner + column
        sums += tl.load(parts + offset, inside, 0.0)
    found = tl.sum(sums, 0, keep_dims=True) / divisor
    tl.store(total + outer * inner + column, found, column < inner)


@triton.jit
def _take_largest(
    parts, total, count, inner, blocks,
    tile_parts: tl.constexpr, tile_inner: tl.constexpr,
):  # fmt: skip
    program = tl.program_id(0).to(tl.int64)
    outer = program // blocks
    column = program % blocks * tile_inner + tl.arange(0, tile_inner)
    row = tl.arange(0, tile_parts)[:, None]
    found = tl.full((tile_parts, tile_inner), float("-inf"), tl.float32)
    for start in range(0, count, tile_parts):
        inside = (start + row < count) & (column[None, :] < inner)
        offset = (outer * count + start + row) * inner + column[None, :]
        found = larger(tl.load(parts + offset, inside, float("-inf")), found)
    tl.store(total + outer * inner + column, largest(found, 0), column < inner)


def _fold(kernel: Any, parts: Tensor, total: Tensor, *values: float) -> None:
    outer, count, inner = parts.shape
    tile_inner = min(triton.next_power_of_2(inner), 64)
    tile_parts = min(triton.next_power_of_2(max(count, 1)), SMALLEST // tile_inner)
    blocks = triton.cdiv(inner, tile_inner)
    tiles = Tiles(
        outer * blocks,
        warps_of(tile_inner * tile_parts),
        (count, inner, blocks),
        {"tile_parts": tile_parts, "tile_inner": tile_inner},
    )
    launch(kernel, tiles, parts, total, *values)
