"""Give an operation of torch its gradient, and the gradient its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from foveate.ops.kernels._operation import Operation

__all__ = ["differentiate"]

Tensors = Tensor | Sequence[Tensor]


def differentiate(
    forward: Operation,
    backward: Callable[..., Tensors],
    reference: Callable[..., Tensors],
    *,
    outputs: int = 1,
    saved: Sequence[int] = (),
) -> None:
    """Register the gradient of ``forward``.

    Saved between the two are the tensors that go in and the outputs ``saved``, nothing
    else. Where a gradient is itself differentiated, it is that of the reference.

    Args:
        forward: An operation that returns a tensor, or a tuple of them.
        backward: Takes the gradients of the first ``outputs``, then all that
            ``forward`` takes, then what was saved; returns the gradient of each tensor
            that ``forward`` takes, in their order.
        reference: Takes what ``forward`` takes; returns its first ``outputs``.
        outputs: How many of the outputs have a gradient; those after them are only
            saved.
        saved: Positions of the outputs that ``backward`` needs.
    """

    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensors) -> None:
        given = _listed(output)
        ctx.is_tensor = [isinstance(value, Tensor) for value in inputs]
        ctx.plain = [value for value in inputs if not isinstance(value, Tensor)]
        tensors = [value for value in inputs if isinstance(value, Tensor)]
        ctx.save_for_backward(*tensors, *(given[number] for number in saved))

    def gradient(ctx: Any, *given: Tensor) -> tuple[Tensor | None, ...]:
        count = sum(ctx.is_tensor)
        # read once: under a checkpoint each reading would run the forward pass again
        everything = ctx.saved_tensors
        tensors, kept = everything[:count], everything[count:]
        values = _merged(ctx.is_tensor, tensors, ctx.plain)
        if torch.is_grad_enabled():
            found = _by_reference(reference, values, given[:outputs])
        else:
            found = _listed(backward(*given[:outputs], *values, *kept))
        return tuple(_merged(ctx.is_tensor, found, [None] * len(ctx.plain)))

    forward.register_autograd(gradient, setup_context=setup_context)


def _by_reference(
    reference: Callable[..., Tensors], values: Sequence[Any], given: Sequence[Tensor]
) -> Sequence[Tensor | None]:
    """Return gradients that can be differentiated again."""
    # a view each: where a gate was made from the map, or is the map, what the map gets
    # by way of the gate is not the gradient of this operation
    values = [v.view_as(v) if isinstance(v, Tensor) else v for v in values]
    tensors = [value for value in values if isinstance(value, Tensor)]
    learned = [tensor for tensor in tensors if tensor.requires_grad]
    found = torch.autograd.grad(
        _listed(reference(*values)), learned, given, create_graph=True
    )
    by_id = dict(zip(map(id, learned), found, strict=True))
    return [by_id.get(id(tensor)) for tensor in tensors]


def _listed(output: Tensors) -> Sequence[Tensor]:
    return [output] if isinstance(output, Tensor) else output


def _merged(
    is_tensor: Sequence[bool], tensors: Sequence[Any], plain: Sequence[Any]
) -> list[Any]:
    """Return both in the order in which they came."""
    of_each = {True: iter(tensors), False: iter(plain)}
    return [next(of_each[kind]) for kind in is_tensor]
