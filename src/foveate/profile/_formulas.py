"""The work of operations that torch's own counter does not know.

Each takes the shapes of an operation's tensors and returns floating-point operations,
two a multiply-accumulate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import torch

__all__ = ["FORMULAS"]

Shape = tuple[int, ...]


def matrix_vector(matrix: Shape, *_: Any, **__: Any) -> int:
    """Count a matrix, or a vector, times a vector."""
    return 2 * prod(matrix)


def added_matrix_vector(_added: Shape, matrix: Shape, *_: Any, **__: Any) -> int:
    """Count a matrix times a vector that is added to another."""
    return 2 * prod(matrix)


def scaled_dot_product(
    query: Shape, key: Shape, value: Shape, *_: Any, **__: Any
) -> int:
    """Count queries times keys, and weights times values.

    Args:
        query: ``(B, heads, queries, d)``.
        key: ``(B, heads or fewer, keys, d)``.
        value: ``(B, heads or fewer, keys, e)``.
    """
    return 2 * prod(query[:-1]) * key[-2] * (query[-1] + value[-1])


def multi_head_attention(
    query: Shape,
    key: Shape,
    value: Shape,
    embed_dim: int,
    *_: Any,
    **__: Any,
) -> int:
    """Count four projections, queries times keys, and weights times values.

    Args:
        query: ``(B, queries, embed_dim)``.
        key: ``(B, keys, embed_dim)``.
        value: ``(B, keys, embed_dim)``.
        embed_dim: Channels of all heads together.
    """
    batch, queries, _d = query
    projections = (2 * queries + key[1] + value[1]) * embed_dim**2
    products = 2 * queries * key[1] * embed_dim
    return 2 * batch * (projections + products)


def transformer_layer(x: Shape, embed_dim: int, *rest: Any, **_: Any) -> int:
    """Count self-attention and the two linear layers after it.

    Args:
        x: ``(B, tokens, embed_dim)``.
        embed_dim: Channels of all heads together.
        *rest: The other arguments of the operation, in its order.
    """
    first: Shape = rest[FIRST_LINEAR]
    second: Shape = rest[SECOND_LINEAR]
    linear = prod(x[:-1]) * (prod(first) + prod(second))
    return multi_head_attention(x, x, x, embed_dim) + 2 * linear


# where the weights of the two stand among the arguments after embed_dim
FIRST_LINEAR = 12
SECOND_LINEAR = 14

BY_NAME: Mapping[str, Callable[..., int]] = {
    "mv": matrix_vector,
    "dot": matrix_vector,
    "addmv": added_matrix_vector,
    "_scaled_dot_product_flash_attention_for_cpu": scaled_dot_product,
    "_native_multi_head_attention": multi_head_attention,
    "_transformer_encoder_layer_fwd": transformer_layer,
}
FORMULAS: Mapping[Any, Callable[..., int]] = {
    getattr(torch.ops.aten, name): formula for name, formula in BY_NAME.items()
}
"""What counts an operation, by the operation."""
