"""Attention of places to places: how alike they are, and the weights from that."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from foveate.ops._op import Op
from foveate.ops.kernels import attending as kernels
from foveate.ops.kernels._gradients import differentiate
from foveate.ops.precision import at_least_float32

__all__ = ["attend", "attention_logits", "attention_weights"]

WIDE = (torch.float32, torch.float64)


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


@Op
def attend(  # noqa: PLR0917
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    scale: float,
    encoding: Tensor | None = None,
    dropped: float = 0.0,
) -> Tensor:
    """Return for each query the mean of values, by the weights of their keys.

    The reference holds a weight for each query and each key.

    Args:
        queries: ``(B, heads, d, N)``, one a column.
        keys: ``(B, heads, d, M)``.
        values: ``(B, heads, e, M)``.
        scale: Multiplies the products of queries and keys.
        encoding: Is added to the scaled products; broadcasts to ``(B, heads, N, M)``.
        dropped: Share of the weights that is dropped.

    Returns:
        ``(B, heads, e, N)``, in the type of ``values``.
    """
    scaled = at_least_float32(queries) * scale
    logits = attention_logits(scaled.transpose(2, 3), keys)
    if encoding is not None:
        logits = logits + encoding.to(logits.dtype)
    weights = functional.dropout(attention_weights(logits), dropped)
    return values @ weights.to(values.dtype).transpose(2, 3)


def _why_not(  # noqa: PLR0917
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    scale: float,  # noqa: ARG001
    encoding: Tensor | None = None,
    dropped: float = 0.0,
) -> str | None:
    if dropped:
        return f"drops no weights, got a share of {dropped}"
    if any(x.dtype not in WIDE for x in (queries, keys, values)):
        return f"takes float32 and float64, got {values.dtype}"
    if encoding is not None and torch.is_grad_enabled():
        return "takes an encoding only under torch.no_grad"
    return None


@attend.faster("eager", why_not=_why_not, in_graphs=True)
def _(  # noqa: PLR0917
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    scale: float,
    encoding: Tensor | None = None,
    dropped: float = 0.0,  # noqa: ARG001
) -> Tensor:
    if encoding is not None:
        return kernels.fused(queries, keys, values, encoding.to(queries.dtype), scale)
    seen: Tensor = kernels.attention(queries, keys, values, scale)
    return seen


def _without_encoding(
    queries: Tensor, keys: Tensor, values: Tensor, scale: float
) -> Tensor:
    return attend.reference(queries, keys, values, scale)


differentiate(kernels.attention, kernels.attention_backward, _without_encoding)
