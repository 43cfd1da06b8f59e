"""Gradients of a number by what layers return, on any backend."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras
import numpy as np
from keras import ops

from foveate.keras._numbers import Tensor
from foveate.keras._parts import framework

__all__ = ["gradients", "without_gradients"]

Score = Callable[[Sequence[Tensor]], Tensor]
"""Makes a number of what is added to the outputs of layers."""

Slopes = list[Tensor | None]


def gradients(score: Score, zeros: Sequence[Tensor]) -> Slopes:
    """Return the gradients of a number where all that is added is 0.

    Args:
        score: The function.
        zeros: What is added to the output of each layer.

    Returns:
        One for each layer; None if the number does not depend on it.
    """
    return BY_BACKEND[keras.backend.backend()](score, list(zeros))


def without_gradients() -> AbstractContextManager[Any]:
    """Return a context in which the backend keeps nothing for gradients."""
    if keras.backend.backend() != "torch":
        return nullcontext()
    context: AbstractContextManager[Any] = framework().no_grad()
    return context


def _of_torch(score: Score, zeros: Sequence[Tensor]) -> Slopes:
    torch = framework()
    # a caller may have turned gradients off
    with torch.inference_mode(mode=False), torch.enable_grad():
        leaves = [torch.zeros_like(zero).requires_grad_() for zero in zeros]
        value = score(leaves)
        if not value.requires_grad:
            return [None] * len(leaves)
        return list(torch.autograd.grad(value, leaves, allow_unused=True))


def _of_tensorflow(score: Score, zeros: Sequence[Tensor]) -> Slopes:
    with framework().GradientTape(watch_accessed_variables=False) as tape:
        for zero in zeros:
            tape.watch(zero)
        value = score(zeros)
    return list(tape.gradient(value, zeros))


def _of_jax(score: Score, zeros: Sequence[Tensor]) -> Slopes:
    slopes = framework().grad(score)(zeros)
    return [
        None if _is_unused(score, zeros, number, slope) else slope
        for number, slope in enumerate(slopes)
    ]


def _is_unused(
    score: Score, zeros: Sequence[Tensor], number: int, slope: Tensor
) -> bool:
    """Return whether a number does not depend on what a layer returns.

    JAX gives zeros then, as it does where a gradient is just 0.
    """
    if np.any(np.asarray(ops.convert_to_numpy(slope), np.float32)):
        return False
    spoilt = list(zeros)
    spoilt[number] = ops.full_like(zeros[number], float("nan"))
    return bool(np.isfinite(np.asarray(ops.convert_to_numpy(score(spoilt)))))


BY_BACKEND: Mapping[str, Callable[[Score, Sequence[Tensor]], Slopes]] = {
    "jax": _of_jax,
    "tensorflow": _of_tensorflow,
    "torch": _of_torch,
}
"""How each backend differentiates."""
