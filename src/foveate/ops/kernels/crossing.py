"""Criss-cross attention a few rows and a few columns at a time.

No tensor of all places by their crosses is made: forward keeps for each place its
largest logit and the sum of its exponentials, and backward works the weights out again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from foveate.ops.kernels._operation import operation
from foveate.ops.precision import at_least_float32, without_autocast

__all__ = ["LEAST_BYTES", "SHARE", "criss_cross", "criss_cross_backward"]

LEAST_BYTES = 2**20
SHARE = 8
"""A chunk takes ``LEAST_BYTES``, or one in ``SHARE`` of what the values take."""

BY_ROW, BY_COLUMN = (0, 2, 1, 3), (0, 3, 1, 2)


class Chunk(NamedTuple):
    """Some lines of some images: rows, or columns.

    Attributes:
        order: Axes of a map, with its lines after its images.
        images: Which images.
        lines: Which lines of each.
    """

    order: tuple[int, ...]
    images: slice
    lines: slice

    def view(self, x: Tensor) -> Tensor:
        """Return these lines of a map, ``(images, lines, C, places)``."""
        return x.permute(self.order)[self.images, self.lines]

    def of(self, x: Tensor) -> Tensor:
        """Return these lines of a map, ``(images * lines, C, places)``.

        Columns are copied: products of what is strided are slow.
        """
        lines = self.view(x).flatten(0, 1)
        return lines if self.order == BY_ROW else lines.contiguous()

    def sums(self, sums: Tensor) -> tuple[Tensor, Tensor]:
        """Return the largest logits and the sums, both ``(lines, places, 1)``."""
        largest, total = self.of(sums).transpose(1, 2).chunk(2, dim=2)
        return largest, total

    def put(self, target: Tensor, lines: Tensor) -> None:
        """Write lines into a map; a column adds to what its row has written."""
        place = self.view(target)
        if self.order == BY_ROW:
            place.copy_(lines.view(place.shape))
        else:
            place += lines.view(place.shape)


@operation()
def criss_cross(queries: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Return what each place sees, its largest logit and its sum, ``(B, 2, H, W)``."""
    seen = torch.empty_like(values, memory_format=torch.contiguous_format)
    batch, _channels, height, width = values.shape
    sums = at_least_float32(queries).new_empty((batch, 2, height, width))
    with without_autocast(values):
        for chunk in _chunks(values, BY_ROW):
            weights = _logits(queries, keys, chunk)
            largest = weights.amax(dim=2, keepdim=True)
            total = _exponentiate(weights, largest)
            chunk.view(sums).copy_(_lines(largest, total, chunk, sums))
            # of a row of minus infinities nothing is seen: not 0 / 0
            weights /= total.clamp(min=torch.finfo(total.dtype).tiny)
            chunk.put(seen, _products(values, weights, chunk))
        for chunk in _chunks(values, BY_COLUMN):
            weights = _logits(queries, keys, chunk)
            largest_of_row, row = chunk.sums(sums)
            largest = torch.maximum(weights.amax(dim=2, keepdim=True), largest_of_row)
            total = _exponentiate(weights, largest)
            row = row * (largest_of_row - largest).exp_()
            total += row
            weights /= total
            row /= total
            chunk.view(sums).copy_(_lines(largest, total, chunk, sums))
            of_row = row.view(chunk.view(sums[:, :1]).shape)
            chunk.view(seen).mul_(of_row.to(seen.dtype))
            chunk.put(seen, _products(values, weights, chunk))
    return seen, sums


@criss_cross.register_fake
def _(queries: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ARG001
    seen = torch.empty_like(values, memory_format=torch.contiguous_format)
    batch, _channels, height, width = values.shape
    return seen, at_least_float32(queries).new_empty((batch, 2, height, width))


@operation()
def criss_cross_backward(  # noqa: PLR0917
    gradient: Tensor,
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    seen: Tensor,
    sums: Tensor,
) -> list[Tensor]:
    """Return the gradients of queries, keys and values."""
    found = [_empty(queries), _empty(keys), _empty(values)]
    slopes = torch.empty_like(sums[:, :1])
    with without_autocast(values):
        for chunk in _chunks(values, BY_ROW):
            both = at_least_float32(chunk.view(gradient)) * chunk.view(seen)
            chunk.view(slopes).copy_(both.sum(dim=2, keepdim=True))
        for order in (BY_ROW, BY_COLUMN):
            for chunk in _chunks(values, order):
                weights = _logits(queries, keys, chunk)
                largest, total = chunk.sums(sums)
                weights.sub_(largest).exp_().div_(total)
                up = chunk.of(gradient)
                chunk.put(found[2], up @ weights.to(up.dtype))
                steep = at_least_float32(up.transpose(1, 2) @ chunk.of(values))
                steep -= chunk.of(slopes).transpose(1, 2)
                steep *= weights
                of_keys = at_least_float32(chunk.of(keys))
                chunk.put(found[0], of_keys @ steep.transpose(1, 2))
                chunk.put(found[1], at_least_float32(chunk.of(queries)) @ steep)
    return found


@criss_cross_backward.register_fake
def _(  # noqa: PLR0917
    gradient: Tensor,  # noqa: ARG001
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    seen: Tensor,  # noqa: ARG001
    sums: Tensor,  # noqa: ARG001
) -> list[Tensor]:
    return [_empty(queries), _empty(keys), _empty(values)]


def _empty(x: Tensor) -> Tensor:
    return torch.empty_like(x, memory_format=torch.contiguous_format)


def _chunks(values: Tensor, order: tuple[int, ...]) -> Iterator[Chunk]:
    """Yield chunks that cover all lines: of several images only if they are small."""
    batch, channels, *_sides = values.shape
    lines, places = values.shape[order[1]], values.shape[order[3]]
    size = values.element_size()
    most = max(LEAST_BYTES, values.numel() * size // SHARE)
    # weights in float32 at least, and values, gradients and products of each line
    each = places * (max(size, 4) * places + 2 * channels * size)
    fit = max(most // each, 1)
    images = max(fit // lines, 1)
    # as even as they can be
    step = -(-lines // -(-lines // fit))
    for first in range(0, batch, images):
        for line in range(0, lines, step):
            yield Chunk(order, slice(first, first + images), slice(line, line + step))


def _logits(queries: Tensor, keys: Tensor, chunk: Chunk) -> Tensor:
    """Return ``(lines, places, places)``; a place is in its row, not in its column."""
    of_queries = at_least_float32(chunk.of(queries))
    logits = of_queries.transpose(1, 2) @ at_least_float32(chunk.of(keys))
    if chunk.order == BY_COLUMN:
        logits.diagonal(dim1=1, dim2=2).fill_(-torch.inf)
    return logits


def _exponentiate(logits: Tensor, largest: Tensor) -> Tensor:
    """Turn logits into weights, and return their sums."""
    # a line of minus infinities weighs nothing beside one that has others
    largest.clamp_(min=torch.finfo(largest.dtype).min)
    return logits.sub_(largest).exp_().sum(dim=2, keepdim=True)


def _products(values: Tensor, weights: Tensor, chunk: Chunk) -> Tensor:
    of_values = chunk.of(values)
    return of_values @ weights.to(of_values.dtype).transpose(1, 2)


def _lines(largest: Tensor, total: Tensor, chunk: Chunk, sums: Tensor) -> Tensor:
    """Return both, ``(lines, places, 1)``, as the view of a chunk."""
    both = torch.cat([largest, total], dim=2).transpose(1, 2)
    return both.reshape(chunk.view(sums).shape)


def _count(queries: tuple[int, ...], values: tuple[int, ...], *of_each: int) -> int:
    """Return floating-point operations: products of queries' and values' widths."""
    batch, width, rows, columns = queries
    of_queries, of_values = of_each
    pairs = batch * rows * columns * (rows + columns)
    return 2 * pairs * (of_queries * width + of_values * values[1])


@register_flop_formula(torch.ops.foveate.criss_cross)
def _(queries: tuple[int, ...], _keys: Any, values: tuple[int, ...], **_: Any) -> int:
    return _count(queries, values, 1, 1)


@register_flop_formula(torch.ops.foveate.criss_cross_backward)
def _(
    _gradient: Any,
    queries: tuple[int, ...],
    _keys: Any,
    values: Any,
    *_: Any,
    **__: Any,
) -> int:
    # the logits once more, and two products for each of the forward pass
    return _count(queries, values, 3, 2)
