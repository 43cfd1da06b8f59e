"""Gradients of a Keras layer on whichever backend runs, in one way."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import keras

__all__ = ["answer_and_gradients"]

Weigh = Callable[[Any], Any]
"""From an output to the one number whose gradients are asked for."""

Found = tuple[Any, list[Any], list[Any]]
"""An output, and gradients of inputs and of trainable variables."""


def answer_and_gradients(
    layer: Any, inputs: Sequence[Any], weigh: Weigh, *, training: bool
) -> Found:
    """Return what a layer answers, and gradients of ``weigh`` of that.

    Args:
        layer: A built layer. In training its running statistics move, once.
        inputs: Its maps; one alone is given as it is, not in a list.
        weigh: Makes one number of the output.
        training: Whether it is called as in training.

    Returns:
        The output, and the gradients of the inputs and of the trainable variables.
    """
    tensors = [keras.ops.convert_to_tensor(x) for x in inputs]
    ways = {"torch": _by_torch, "jax": _by_jax, "tensorflow": _by_tensorflow}
    return ways[keras.backend.backend()](layer, tensors, weigh, training=training)


def _as_called(maps: Sequence[Any]) -> Any:
    return maps if len(maps) > 1 else maps[0]


def _by_torch(
    layer: Any, tensors: Sequence[Any], weigh: Weigh, *, training: bool
) -> Found:
    torch = importlib.import_module("torch")
    maps = [x.detach().requires_grad_() for x in tensors]
    output = layer(_as_called(maps), training=training)
    gradients = torch.autograd.grad(
        weigh(output),
        [*maps, *[variable.value for variable in layer.trainable_variables]],
        allow_unused=True,
        materialize_grads=True,
    )
    return output, list(gradients[: len(maps)]), list(gradients[len(maps) :])


def _by_jax(
    layer: Any, tensors: Sequence[Any], weigh: Weigh, *, training: bool
) -> Found:
    jax = importlib.import_module("jax")

    variables = [*layer.trainable_variables, *layer.non_trainable_variables]

    def weighed(maps: Any, weights: Any, others: Any) -> tuple[Any, Any]:
        values = zip(variables, [*weights, *others], strict=True)
        # not stateless_call, which hands training to a layer that does not name it
        with keras.StatelessScope(list(values)) as scope:
            output = layer(_as_called(maps), training=training)
        after = [scope.get_current_value(v) for v in layer.non_trainable_variables]
        return weigh(output), (output, after)

    asked = jax.grad(weighed, argnums=(0, 1), has_aux=True)
    weights = [variable.value for variable in layer.trainable_variables]
    others = [variable.value for variable in layer.non_trainable_variables]
    (of_maps, of_weights), (output, after) = asked(list(tensors), weights, others)
    for variable, value in zip(layer.non_trainable_variables, after, strict=True):
        variable.assign(value)
    return output, of_maps, of_weights


def _by_tensorflow(
    layer: Any, tensors: Sequence[Any], weigh: Weigh, *, training: bool
) -> Found:
    tensorflow = importlib.import_module("tensorflow")
    variables = [variable.value for variable in layer.trainable_variables]
    with tensorflow.GradientTape() as tape:
        tape.watch(tensors)
        output = layer(_as_called(tensors), training=training)
        weighed = weigh(output)
    of_maps, of_weights = tape.gradient(
        weighed,
        (list(tensors), variables),
        unconnected_gradients=tensorflow.UnconnectedGradients.ZERO,
    )
    return output, of_maps, [tensorflow.convert_to_tensor(g) for g in of_weights]
