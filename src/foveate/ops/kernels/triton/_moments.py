"""Mean and variance of planes, each read once, whatever their size."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from foveate.ops.kernels.triton._common import (
    SMALLEST,
    Tiles,
    launch,
    place_in_tile,
    plane_tiles,
    warps_of,
)

__all__ = ["moments_of_planes"]


def moments_of_planes(x: Tensor, divisor: float) -> tuple[Tensor, Tensor]:
    """Return mean and variance of each channel of each image, ``(B, C, 1, 1)``.

    Args:
        x: Feature map, ``(B, C, H, W)``, contiguous.
        divisor: Divides the sum of squares.

    Returns:
        Both in float32. Chunks of a large plane have moments of their own, which are
        then merged: no difference of large numbers is taken.
    """
    tiles = plane_tiles(x)
    planes, places, chunks = tiles.sizes
    shape = (*x.shape[:2], 1, 1)
    mean = x.new_empty(shape, dtype=torch.float32)
    variance = x.new_empty(shape, dtype=torch.float32)
    if chunks == 1:
        launch(_of_chunks, tiles, x, mean, variance, divisor)
        return mean, variance
    means = mean.new_empty((planes, chunks))
    squares = torch.empty_like(means)
    launch(_of_chunks, tiles, x, means, squares, 1.0)
    sizes = (places, tiles.tile["tile_places"], chunks)
    merging = Tiles(planes, warps_of(SMALLEST), sizes, {"tile": SMALLEST})
    launch(_merge, merging, means, squares, mean, variance, divisor)
    return mean, variance


@triton.jit
def _of_chunks(
    x, means, variances, divisor, planes, places, chunks,
    tile_planes: tl.constexpr, tile_places: tl.constexpr,
):  # fmt: skip
    plane, place, inside = place_in_tile(
        planes, places, chunks, tile_planes, tile_places
    )
    values = tl.load(x + plane * places + place, inside, 0.0).to(tl.float32)
    chunk = tl.program_id(0) % chunks
    count = tl.minimum(places - chunk * tile_places, tile_places)
    mean = tl.sum(values, 1, keep_dims=True) / count
    centred = tl.where(inside, values - mean, 0.0)
    squares = tl.sum(centred * centred, 1, keep_dims=True)
    tl.store(means + plane * chunks + chunk, mean, plane < planes)
    tl.store(variances + plane * chunks + chunk, squares / divisor, plane < planes)


@triton.jit
def _merge(
    means, squares, mean, variance, divisor, places, size, chunks,
    tile: tl.constexpr,
):  # fmt: skip
    plane = tl.program_id(0).to(tl.int64)
    number = tl.arange(0, tile).to(tl.int64)
    sums = tl.zeros((tile,), tl.float32)
    for start in range(0, chunks, tile):
        chunk = start + number
        # one with no places counts for nothing
        count = tl.maximum(tl.minimum(places - chunk * size, size), 0)
        of_chunk = tl.load(means + plane * chunks + chunk, chunk < chunks, 0.0)
        sums += count * of_chunk
    centre = tl.sum(sums, 0) / places
    sums = tl.zeros((tile,), tl.float32)
    for start in range(0, chunks, tile):
        chunk = start + number
        count = tl.maximum(tl.minimum(places - chunk * size, size), 0)
        away = tl.load(means + plane * chunks + chunk, chunk < chunks, 0.0) - centre
        own = tl.load(squares + plane * chunks + chunk, chunk < chunks, 0.0)
        # not of the chunks that do not exist: 0 times an infinite mean is a NaN
        sums += tl.where(chunk < chunks, own + count * away * away, 0.0)
    tl.store(mean + plane, centre)
    tl.store(variance + plane, tl.sum(sums, 0) / divisor)
