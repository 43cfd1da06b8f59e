"""What layers returned in one run, and which of them squashes the answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import keras

from foveate.keras._parts import Part

__all__ = ["Ran", "end_of"]

PASSING = (keras.layers.Dropout, keras.layers.Identity)
"""Layers that change nothing in evaluation."""


@dataclass
class Ran:
    """What layers returned in one run.

    Attributes:
        shapes: Of each layer that ran, the shape of what it returned; None if that is
            no tensor of floating point.
        calls: How often each ran.
        order: Layers in the order in which they ended, with what they returned.
    """

    shapes: dict[str, tuple[int, ...] | None] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    order: list[tuple[str, Any]] = field(default_factory=list)

    def tell(self, name: str, _: tuple[Any, ...], output: Any) -> Any:
        """Write down what a layer returned."""
        is_float = _is_tensor(output) and keras.backend.is_float_dtype(
            keras.backend.standardize_dtype(output.dtype)
        )
        self.shapes.pop(name, None)
        self.shapes[name] = tuple(output.shape) if is_float else None
        self.calls[name] = self.calls.get(name, 0) + 1
        self.order.append((name, output))
        return output


def end_of(parts: Mapping[str, Part], ran: Ran, answer: Any) -> tuple[Part | None, str]:
    """Return the layer that makes probabilities of logits, and how."""
    if not ran.order or ran.order[-1][1] is not answer:
        return None, ""
    for name, output in reversed(ran.order):
        if not _alike(output, answer):
            break
        part = parts[name]
        # what runs within a model ends before it
        if isinstance(part, keras.Model) or _passes(part):
            continue
        return (part, _squash(part)) if _squash(part) else (None, "")
    return None, ""


def _alike(output: Any, answer: Any) -> bool:
    both = _is_tensor(output) and _is_tensor(answer)
    return both and tuple(output.shape) == tuple(answer.shape)


def _passes(part: Part) -> bool:
    is_linear = isinstance(part, keras.layers.Activation) and (
        part.activation is keras.activations.linear
    )
    return is_linear or isinstance(part, PASSING)


def _squash(part: Part) -> str:
    """Return how a layer squashes, empty if it does not."""
    kind = type(part).__name__
    if kind in ("Softmax", "Sigmoid"):
        return kind.lower()
    for squash in ("softmax", "sigmoid"):
        if getattr(part, "activation", None) is getattr(keras.activations, squash):
            return squash
    return ""


def _is_tensor(value: Any) -> bool:
    return bool(keras.ops.is_tensor(value))
