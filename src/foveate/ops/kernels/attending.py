"""Attention by torch's fused call, and its gradient some queries at a time.

The gradient of the fused call subtracts rounded logarithms of sums, and is far off
where logits are of millions. Here weights are worked out anew, with their own maxima.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.flop_counter import register_flop_formula

from foveate.ops.kernels._operation import operation
from foveate.ops.precision import without_autocast

__all__ = ["attention", "attention_backward", "fused"]

MOST_BYTES = 2**22
"""What the weights of some queries and their gradients may take."""


def fused(
    queries: Tensor, keys: Tensor, values: Tensor, encoding: Tensor | None, scale: float
) -> Tensor:
    """Return what torch's fused call does, for queries that are columns."""
    # with transposed strides it takes four times as long on a CPU
    rows = [x.transpose(2, 3).contiguous() for x in (queries, keys, values)]
    with without_autocast(queries):
        seen = functional.scaled_dot_product_attention(
            rows[0], rows[1], rows[2], attn_mask=encoding, scale=scale
        )
    return seen.transpose(2, 3).contiguous()


@operation()
def attention(queries: Tensor, keys: Tensor, values: Tensor, scale: float) -> Tensor:
    """Return for each query the mean of values, ``(B, heads, e, N)``."""
    return fused(queries, keys, values, None, scale)


@attention.register_fake
def _(queries: Tensor, keys: Tensor, values: Tensor, scale: float) -> Tensor:  # noqa: ARG001
    return values.new_empty((*values.shape[:3], queries.shape[3]))


@operation()
def attention_backward(
    gradient: Tensor, queries: Tensor, keys: Tensor, values: Tensor, scale: float
) -> list[Tensor]:
    """Return the gradients of queries, keys and values."""
    found = [_empty(queries), _empty(keys).zero_(), _empty(values).zero_()]
    of_queries, of_keys, of_values = (x.flatten(0, 1) for x in found)
    given = [x.flatten(0, 1) for x in (queries, keys, values, gradient)]
    with without_autocast(queries):
        for heads, columns in _chunks(*given[:2]):
            some_keys, some_values = given[1][heads], given[2][heads]
            scaled = given[0][heads, :, columns] * scale
            up = given[3][heads, :, columns]
            weights = (scaled.transpose(1, 2) @ some_keys).softmax(dim=2)
            of_values[heads] += up @ weights
            steep = up.transpose(1, 2) @ some_values
            steep -= (steep * weights).sum(dim=2, keepdim=True)
            steep *= weights
            of_keys[heads] += scaled @ steep
            of_queries[heads, :, columns] = some_keys @ steep.transpose(1, 2) * scale
    return found


@attention_backward.register_fake
def _(
    gradient: Tensor,  # noqa: ARG001
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    scale: float,  # noqa: ARG001
) -> list[Tensor]:
    return [_empty(queries), _empty(keys), _empty(values)]


def _empty(x: Tensor) -> Tensor:
    return torch.empty_like(x, memory_format=torch.contiguous_format)


def _chunks(queries: Tensor, keys: Tensor) -> Iterator[tuple[slice, slice]]:
    """Yield heads, and queries of them: several heads only if they are small."""
    heads, _width, places = queries.shape
    fit = max(MOST_BYTES // (3 * keys.shape[2] * keys.element_size()), 1)
    some = max(fit // places, 1)
    for first in range(0, heads, some):
        for query in range(0, places, min(fit, places)):
            yield slice(first, first + some), slice(query, query + fit)


def _count(queries: Sequence[int], values: Sequence[int], *of_each: int) -> int:
    """Return floating-point operations: products of queries' and values' widths."""
    batch, heads, width, places = queries
    pairs = batch * heads * places * values[3]
    return 2 * pairs * (of_each[0] * width + of_each[1] * values[2])


@register_flop_formula(torch.ops.foveate.attention)
def _(
    queries: Sequence[int], _: Any, values: Sequence[int], *__: Any, **___: Any
) -> int:
    return _count(queries, values, 1, 1)


@register_flop_formula(torch.ops.foveate.attention_backward)
def _(
    _: Any, queries: Sequence[int], __: Any, values: Any, *___: Any, **____: Any
) -> int:
    # the logits once more, and two products for each of the forward pass
    return _count(queries, values, 3, 2)
