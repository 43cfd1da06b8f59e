"""Look at the graph of a Keras model: what every layer in it returns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from foveate.errors import OptionError, SiteError
from foveate.keras._formats import (
    DataFormat,
    Shape,
    format_by_colours,
    format_said_by,
)

__all__ = ["Step", "Survey", "graph_of", "graph_or_error", "survey"]


@dataclass(frozen=True)
class Step:
    """One call of a layer in a model.

    Attributes:
        path: Its name, after those of the models that hold it, with slashes between.
        layer: The layer, or an operation of ``keras.ops``.
        gets: What it is called with, as tensors without values.
        returns: What it returns.
        data_format: Where the channels of its maps stand.
    """

    path: str
    layer: Any
    gets: tuple[Any, ...]
    returns: tuple[Any, ...]
    data_format: DataFormat


@dataclass(frozen=True)
class Survey:
    """What a look at a model has shown.

    Attributes:
        model: The model.
        inputs: The shapes of its inputs.
        steps: The calls of all layers in the order in which they run; what a model
            within does comes before the call of it.
        data_format: Where the channels of its images stand.
    """

    model: Any
    inputs: tuple[Shape, ...]
    steps: tuple[Step, ...]
    data_format: DataFormat

    def by_path(self) -> dict[str, list[Step]]:
        """Return the calls of each layer."""
        found: dict[str, list[Step]] = {}
        for step in self.steps:
            found.setdefault(step.path, []).append(step)
        return found


def survey(model: Any, example: Any = None) -> Survey:
    """Return what the layers of a model return, found without running it.

    Args:
        model: A functional or a sequential model.
        example: The shape of its input, batch included, or those of its inputs; None:
            those that it was made with, where sides may be unknown.

    Raises:
        SiteError: It is a model of another kind, or not built.
        OptionError: It is no model, or the example does not fit it.
    """
    graph = graph_or_error(model)
    shapes = _shapes(graph, example)
    inputs = [
        keras.KerasTensor(shape, dtype=x.dtype)
        for shape, x in zip(shapes, graph.inputs, strict=True)
    ]
    said = (*map(format_by_colours, shapes), *_formats(graph))
    order: DataFormat = next(filter(None, said), keras.config.image_data_format())
    steps = _walk(graph, inputs, "", {}, order)
    return Survey(model, shapes, tuple(steps), order)


def graph_of(layer: Any) -> Any:
    """Return the functional model that a layer is, over the same layers; None if none.

    It is a new one, not compiled, of which the layer notices nothing.
    """
    if not isinstance(layer, keras.Model) or not getattr(layer, "inputs", None):
        return None
    if isinstance(layer, keras.Sequential):
        return keras.Model(layer.inputs[0], layer.outputs[0], name=layer.name)
    return keras.Model(layer.input, layer.output, name=layer.name)


def graph_or_error(model: Any) -> Any:
    """Return the functional model that a model is.

    Raises:
        SiteError: It is a model of another kind, or not built.
        OptionError: It is no model.
    """
    graph = graph_of(model)
    if graph is not None:
        return graph
    kind = type(model).__name__
    if isinstance(model, keras.Sequential):
        raise SiteError(
            f"{model.name}: this sequential model does not know the shape of its input "
            "yet. Begin it with keras.Input(shape), or call it once on images."
        )
    if isinstance(model, keras.Model):
        raise SiteError(
            f"{model.name}: {kind} is a subclassed model: its call is code, in which "
            "nothing can be put between two layers. Where that code only calls layers, "
            "make it functional: x = keras.Input(shape), then keras.Model(x, "
            "model.call(x)). Else call a block there: foveate.keras.create('se')."
        )
    raise OptionError(f"model: expected a keras.Model, got {kind}.")


def _walk(
    graph: Any,
    inputs: Sequence[Any],
    prefix: str,
    formats: dict[int, DataFormat],
    fallback: DataFormat,
) -> list[Step]:
    """Return the calls of the layers of one graph and of the models within."""
    steps: list[Step] = []
    seen: set[str] = set()

    def watching(layer: Any) -> Any:
        def run(*args: Any, **keywords: Any) -> Any:
            path = f"{prefix}{layer.name}"
            gets = _tensors((args, keywords))
            inner = graph_of(layer)
            own = next(_formats(inner), None) if inner else format_said_by(layer)
            known = (formats[id(x)] for x in gets if id(x) in formats)
            order = next(known, fallback) if own is None else own
            if inner is not None and path not in seen:
                within = gets[: len(inner.inputs)]
                steps.extend(_walk(inner, within, f"{path}/", formats, order))
            seen.add(path)
            outputs = layer.compute_output_spec(*args, **keywords)
            returns = _tensors(outputs)
            formats.update(dict.fromkeys(map(id, returns), order))
            steps.append(Step(path, layer, gets, returns, order))
            return outputs

        return run

    graph._run_through_graph(inputs, operation_fn=watching)  # noqa: SLF001
    return steps


def _tensors(value: Any) -> tuple[Any, ...]:
    flat = keras.tree.flatten(value)
    return tuple(x for x in flat if isinstance(x, keras.KerasTensor))


def _formats(graph: Any) -> Iterator[DataFormat]:
    """Return the orders of axes that layers of a graph work in."""
    for layer in graph.layers:
        inner = graph_of(layer)
        order = format_said_by(layer)
        if inner is not None:
            yield from _formats(inner)
        elif order is not None:
            yield order


def _shapes(graph: Any, example: Any) -> tuple[Shape, ...]:
    own = tuple(tuple(x.shape) for x in graph.inputs)
    if example is None:
        return own
    given = _read(example)
    if len(given) != len(own) or not all(map(_fits, given, own)):
        wanted = " and ".join(map(str, own))
        example_shape = tuple(2 if side is None else side for side in own[0])
        raise OptionError(
            f"example: {graph.name} takes {wanted}, got {example!r}. Give the shape of "
            f"an input, batch included, such as {example_shape}"
            f"{'' if len(own) == 1 else ', one for each input, in a list'}."
        )
    return given


def _read(example: Any) -> tuple[Shape, ...]:
    """Return shapes, from one or several of them or of arrays."""
    if hasattr(example, "shape"):
        return (tuple(example.shape),)
    if not isinstance(example, list | tuple):
        return ()
    if all(isinstance(side, int) for side in example):
        return (tuple(example),)
    return tuple(shape for each in example for shape in _read(each))


def _fits(given: Shape, own: Shape) -> bool:
    return len(given) == len(own) and all(
        isinstance(side, int) and side > 0 and wanted in (None, side)
        for side, wanted in zip(given, own, strict=True)
    )
