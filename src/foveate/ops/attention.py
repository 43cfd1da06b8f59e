"""Attention of places to places: how alike they are, and the weights from that."""

from __future__ import annotations

from torch import Tensor

from foveate.ops.precision import at_least_float32

__all__ = ["attention_logits", "attention_weights"]


def attention_logits(queries: Tensor, keys: Tensor) -> Tensor:
    """Return the product of every query with every key.

    Products of half-precision values of a few hundred overflow float16, so they are
    taken in float32.

    Args:
        queries: ``(..., N, d)``.
        keys: ``(..., d, M)``, with one key a column.

    Returns:
        ``(..., N, M)``, in float32 or better.

    Example:
        >>> import torch
        >>> queries = torch.tensor([[1.0, 2.0]])
        >>> attention_logits(queries, torch.tensor([[3.0, 0.0], [0.0, 4.0]]))
        tensor([[3., 8.]])
    """
    return at_least_float32(queries) @ at_least_float32(keys)


def attention_weights(logits: Tensor) -> Tensor:
    """Return weights that add up to 1 over the last axis, in float32 or better.

    A logit of minus infinity weighs exactly 0; one of each row must be finite.
    """
    return at_least_float32(logits).softmax(dim=-1)
