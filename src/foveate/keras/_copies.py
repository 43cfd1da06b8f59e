"""Copies of the single things that a Keras model is made of."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from foveate import _traces
from foveate.errors import FoveateError, SiteError, WeightsError

__all__ = ["copy_compiled", "copy_layer", "copy_state", "new_inputs"]


def new_inputs(graph: Any) -> Any:
    """Return inputs like those of a graph; Keras' own copies have other names."""
    layers = {
        id(layer.output): layer
        for layer in graph.layers
        if isinstance(layer, keras.layers.InputLayer)
    }
    return keras.tree.map_structure(
        lambda x: keras.Input(
            batch_shape=x.shape,
            dtype=x.dtype,
            name=layers[id(x)].name,
            optional=layers[id(x)].optional,
        ),
        graph.input,
    )


def copy_layer(layer: Any, path: str) -> Any:
    """Return a layer of the same settings and name, as Keras makes it from a file."""
    try:
        if isinstance(layer, keras.layers.Lambda):
            # Keras makes none from settings, which might come from a stranger
            return _copy_lambda(layer)
        return type(layer).from_config(layer.get_config())
    except FoveateError:
        raise
    except Exception as problem:
        raise SiteError(
            f"{path}: {type(layer).__name__} cannot be copied: "
            f"{_traces.seen(problem)}. Give the class a get_config that returns all "
            "that its constructor takes."
        ) from problem


def _copy_lambda(layer: Any) -> Any:
    return keras.layers.Lambda(
        layer.function,
        output_shape=layer._output_shape,  # noqa: SLF001
        mask=layer.mask,
        arguments=layer.arguments,
        name=layer.name,
        dtype=layer.dtype_policy,
    )


def copy_state(layer: Any, copy: Any) -> None:
    """Give a copy the weights and states of its layer, and let the same of it train.

    Raises:
        WeightsError: The copy has other weights.
    """
    for part, other in zip(_parts(layer), _parts(copy), strict=True):
        other.trainable = part.trainable
    own, others = layer.variables, copy.variables
    if [v.shape for v in own] != [v.shape for v in others]:
        raise WeightsError(
            f"{layer.name}: a new {type(layer).__name__} of the same settings has "
            f"{len(others)} variables of other shapes than its {len(own)}, so it "
            "cannot be copied. Let its build make all of them from its get_config."
        )
    for variable, other in zip(own, others, strict=True):
        # a copy in memory of its own: some backends keep what they are given
        other.assign(np.array(keras.ops.convert_to_numpy(variable)))
        other.trainable = variable.trainable
    for part in _parts(copy):
        # it keeps what follows from its variables
        if isinstance(part, keras.layers.Normalization):
            part.finalize_state()


def _parts(layer: Any) -> list[Any]:
    """Return a layer and all layers in it, what holds others first."""
    parts: list[Any] = layer._flatten_layers()  # noqa: SLF001
    return parts


def copy_compiled(model: Any, copy: Any) -> None:
    """Compile a copy as the model was; its optimizer starts anew."""
    if not model.compiled:
        return
    try:
        copy.compile_from_config(model.get_compile_config())
    except Exception as problem:
        raise SiteError(
            f"{model.name}: how it was compiled cannot be copied: "
            f"{_traces.seen(problem)}. Register your functions with "
            "keras.saving.register_keras_serializable, or graft first, then compile."
        ) from problem
