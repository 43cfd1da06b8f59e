"""Criss-cross attention: what each place sees along its row and its column."""

from __future__ import annotations

import torch
from torch import Tensor

from foveate.ops._op import Op
from foveate.ops.attention import attention_logits, attention_weights
from foveate.ops.kernels import crossing as kernels
from foveate.ops.kernels._gradients import differentiate
from foveate.ops.precision import without_autocast

__all__ = ["criss_cross"]


@Op
def criss_cross(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Return the mean of each place's row and column, by a softmax over both.

    A place counts once, in its row. The reference holds a logit for each place and each
    place of its cross, ``H * W * (H + W)``; the faster path holds those of a few lines
    at a time.

    Args:
        queries: ``(B, d, H, W)``.
        keys: ``(B, d, H, W)``.
        values: ``(B, C, H, W)``.

    Returns:
        Same shape and dtype as ``values``. Products of half precision are taken, and
        weights worked out, in float32.
    """
    with without_autocast(values):
        by_row = attention_logits(queries.permute(0, 2, 3, 1), keys.permute(0, 2, 1, 3))
        by_column = attention_logits(
            queries.permute(0, 3, 2, 1), keys.permute(0, 3, 1, 2)
        )
        places = torch.arange(values.shape[2], device=values.device)
        # a place is in its row already
        by_column = by_column.masked_fill(places == places[:, None], -torch.inf)
        logits = torch.cat([by_row, by_column.transpose(1, 2)], dim=3)
        weights = attention_weights(logits).to(values.dtype)
        along_row = weights[..., : values.shape[3]]
        along_column = weights[..., values.shape[3] :].transpose(1, 2)
        from_row = along_row @ values.permute(0, 2, 3, 1)
        from_column = along_column @ values.permute(0, 3, 2, 1)
        seen = from_row + from_column.transpose(1, 2)
        return seen.permute(0, 3, 1, 2).to(values.dtype)


def _always(queries: Tensor, keys: Tensor, values: Tensor) -> None:  # noqa: ARG001
    return None


@criss_cross.faster("eager", why_not=_always, in_graphs=True)
def _(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    seen: Tensor = kernels.criss_cross(queries, keys, values)[0]
    return seen


differentiate(
    kernels.criss_cross,
    kernels.criss_cross_backward,
    criss_cross.reference,
    saved=(0, 1),
)
