"""Tiles of some planes, rows and columns: gates and means of rows and columns."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from foveate.ops.kernels.triton._common import (
    SMALLEST,
    Tiles,
    add_up,
    launch,
    parts_of,
    warps_of,
)

__all__ = ["means", "means_backward", "scale", "scale_backward"]

TILE = 8192
WIDEST = 256


def scale(x: Tensor, row: Tensor | None, column: Tensor | None) -> Tensor:
    """Return ``x * row * column``; a gate that is None is left out."""
    y, tiles = torch.empty_like(x), _tiles(x)
    launch(_scale, tiles, x, row, column, y)
    return y


def scale_backward(
    dy: Tensor, x: Tensor, row: Tensor | None, column: Tensor | None
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Return the gradients of ``x`` and of the gates that there are."""
    dx, tiles = torch.empty_like(x), _tiles(x)
    drow = None if row is None else torch.empty_like(row)
    dcolumn = None if column is None else torch.empty_like(column)
    parts = _parts(drow, dcolumn, tiles)
    launch(_scale_backward, tiles, dy, x, row, column, dx, *parts)
    for part, total in zip(parts, (drow, dcolumn), strict=True):
        if part is not None and total is not None:
            add_up(part, total)
    return dx, drow, dcolumn


def means(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean of each row and of each column, in one read."""
    batch, channels, height, width = x.shape
    rows = x.new_empty((batch, channels, height, 1))
    columns = x.new_empty((batch, channels, 1, width))
    tiles = _tiles(x)
    row_parts, column_parts = _parts(rows, columns, tiles)
    *_, row_blocks, column_blocks = tiles.sizes
    # sums are divided once: here, or where the parts are added up
    divisors = (
        float(width if column_blocks == 1 else 1),
        float(height if row_blocks == 1 else 1),
    )
    launch(_means, tiles, x, row_parts, column_parts, *divisors)
    if row_parts is not None and column_parts is not None:
        add_up(row_parts, rows, float(width))
        add_up(column_parts, columns, float(height))
    return rows, columns


def means_backward(drows: Tensor, dcolumns: Tensor, x: Tensor) -> Tensor:
    """Return the gradient of the map whose means these were."""
    dx = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    launch(_means_backward, _tiles(x), drows, dcolumns, dx)
    return dx


def _tiles(x: Tensor) -> Tiles:
    planes, height, width = x.shape[0] * x.shape[1], x.shape[2], x.shape[3]
    columns = min(triton.next_power_of_2(width), WIDEST)
    rows = min(triton.next_power_of_2(height), TILE // columns)
    together = max(SMALLEST // (rows * columns), 1)
    down, across = triton.cdiv(height, rows), triton.cdiv(width, columns)
    return Tiles(
        triton.cdiv(planes, together) * down * across,
        warps_of(together * rows * columns),
        (planes, height, width, down, across),
        {"tile_planes": together, "tile_rows": rows, "tile_columns": columns},
    )


def _parts(
    rows: Tensor | None, columns: Tensor | None, tiles: Tiles
) -> tuple[Tensor | None, Tensor | None]:
    """Return where programs write their sums of rows and of columns."""
    planes, height, width, row_blocks, column_blocks = tiles.sizes
    return (
        None if rows is None else parts_of(rows, planes, column_blocks, height),
        None if columns is None else parts_of(columns, planes, row_blocks, width),
    )


@triton.jit
def _tile(
    planes, height, width, row_blocks, column_blocks,
    tile_planes: tl.constexpr, tile_rows: tl.constexpr, tile_columns: tl.constexpr,
):  # fmt: skip
    """Return planes, rows and columns of this program's tile, each on its axis."""
    program = tl.program_id(0).to(tl.int64)
    across = program % column_blocks * tile_columns
    down = program // column_blocks % row_blocks * tile_rows
    first = program // column_blocks // row_blocks * tile_planes
    plane = first + tl.arange(0, tile_planes)[:, None, None]
    row = down + tl.arange(0, tile_rows)[None, :, None]
    column = across + tl.arange(0, tile_columns)[None, None, :]
    return plane, row, column, (plane < planes) & (row < height) & (column < width)


@triton.jit
def _scale(
    x, row_gate, column_gate, y, planes, height, width, row_blocks, column_blocks,
    tile_planes: tl.constexpr, tile_rows: tl.constexpr, tile_columns: tl.constexpr,
):  # fmt: skip
    plane, row, column, inside = _tile(
        planes, height, width, row_blocks, column_blocks,
        tile_planes, tile_rows, tile_columns,
    )  # fmt: skip
    offset = (plane * height + row) * width + column
    scaled = tl.load(x + offset, inside, 0.0).to(tl.float32)
    if row_gate is not None:
        exists = (plane < planes) & (row < height)
        gate = tl.load(row_gate + plane * height + row, exists, 0.0)
        scaled *= gate.to(tl.float32)
    if column_gate is not None:
        exists = (plane < planes) & (column < width)
        gate = tl.load(column_gate + plane * width + column, exists, 0.0)
        scaled *= gate.to(tl.float32)
    tl.store(y + offset, scaled, inside)


@triton.jit
def _store_sums_of_rows(
    values, parts, divisor, plane, row, planes, height, column_blocks
):
    block = tl.program_id(0) % column_blocks
    found = tl.sum(values, 2, keep_dims=True) / divisor
    offset = (plane * column_blocks + block) * height + row
    tl.store(parts + offset, found, (plane < planes) & (row < height))


@triton.jit
def _store_sums_of_columns(
    values, parts, divisor, plane, column, planes, width, row_blocks, column_blocks
):
    block = tl.program_id(0) // column_blocks % row_blocks
    found = tl.sum(values, 1, keep_dims=True) / divisor
    offset = (plane * row_blocks + block) * width + column
    tl.store(parts + offset, found, (plane < planes) & (column < width))


@triton.jit
def _scale_backward(
    dy, x, row_gate, column_gate, dx, row_parts, column_parts,
    planes, height, width, row_blocks, column_blocks,
    tile_planes: tl.constexpr, tile_rows: tl.constexpr, tile_columns: tl.constexpr,
):  # fmt: skip
    plane, row, column, inside = _tile(
        planes, height, width, row_blocks, column_blocks,
        tile_planes, tile_rows, tile_columns,
    )  # fmt: skip
    offset = (plane * height + row) * width + column
    gradient = tl.load(dy + offset, inside, 0.0).to(tl.float32)
    for_rows = gradient * tl.load(x + offset, inside, 0.0).to(tl.float32)
    for_columns = for_rows
    if row_gate is not None:
        exists = (plane < planes) & (row < height)
        scale = tl.load(row_gate + plane * height + row, exists, 0.0).to(tl.float32)
        gradient *= scale
        # 0 where there is no place, whatever the gates are
        for_columns = tl.where(inside, for_columns * scale, 0.0)
    if column_gate is not None:
        exists = (plane < planes) & (column < width)
        scale = tl.load(column_gate + plane * width + column, exists, 0.0)
        gradient *= scale.to(tl.float32)
        for_rows = tl.where(inside, for_rows * scale.to(tl.float32), 0.0)
    tl.store(dx + offset, gradient, inside)
    if row_gate is not None:
        _store_sums_of_rows(
            for_rows, row_parts, 1.0, plane, row, planes, height, column_blocks
        )
    if column_gate is not None:
        _store_sums_of_columns(
            for_columns, column_parts, 1.0,
            plane, column, planes, width, row_blocks, column_blocks,
        )  # fmt: skip


@triton.jit
def _means(
    x, row_parts, column_parts, row_divisor, column_divisor,
    planes, height, width, row_blocks, column_blocks,
    tile_planes: tl.constexpr, tile_rows: tl.constexpr, tile_columns: tl.constexpr,
):  # fmt: skip
    plane, row, column, inside = _tile(
        planes, height, width, row_blocks, column_blocks,
        tile_planes, tile_rows, tile_columns,
    )  # fmt: skip
    offset = (plane * height + row) * width + column
    values = tl.load(x + offset, inside, 0.0).to(tl.float32)
    _store_sums_of_rows(
        values, row_parts, row_divisor, plane, row, planes, height, column_blocks
    )
    _store_sums_of_columns(
        values, column_parts, column_divisor,
        plane, column, planes, width, row_blocks, column_blocks,
    )  # fmt: skip


@triton.jit
def _means_backward(
    drows, dcolumns, dx, planes, height, width, row_blocks, column_blocks,
    tile_planes: tl.constexpr, tile_rows: tl.constexpr, tile_columns: tl.constexpr,
):  # fmt: skip
    plane, row, column, inside = _tile(
        planes, height, width, row_blocks, column_blocks,
        tile_planes, tile_rows, tile_columns,
    )  # fmt: skip
    of_row = tl.load(
        drows + plane * height + row, (plane < planes) & (row < height), 0.0
    )
    of_column = tl.load(
        dcolumns + plane * width + column, (plane < planes) & (column < width), 0.0
    )
    found = of_row.to(tl.float32) / width + of_column.to(tl.float32) / height
    tl.store(dx + (plane * height + row) * width + column, found, inside)
