"""Copy the graph of a Keras model, with blocks put in or left out."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

import keras

from foveate.errors import SiteError
from foveate.keras._copies import copy_compiled, copy_layer, copy_state, new_inputs
from foveate.keras._graft import Graft
from foveate.keras._survey import graph_of, graph_or_error

__all__ = ["copy_model"]

METHODS = ("call", "compute_loss", "predict_step", "test_step", "train_step")
"""What a copy of another class would not do as the model does it."""


def copy_model(
    model: Any,
    *,
    after: Mapping[str, Sequence[Graft]] | None = None,
    without: Collection[str] = (),
) -> Any:
    """Return a model of the same layers, names, weights and settings, of its own.

    Args:
        model: A functional or a sequential model.
        after: By the path of a layer, the grafts that its maps go through, one each.
        without: The paths of grafts to leave out.

    Raises:
        SiteError: A layer or how the model was compiled cannot be copied.
        WeightsError: A copy of a layer has other weights than the layer.
    """
    graph = graph_or_error(model)
    copier = _Copier(after or {}, without)
    copy = copier.like(model, copier.graph(graph, ""), model.name)
    copier.models.append((model, copy, ""))
    copier.copy_states()
    copy_compiled(model, copy)
    return copy


class _Copier:
    """Copies the layers of a graph, each once, and runs the copies.

    Attributes:
        after: By the path of a layer, the grafts that its maps go through.
        without: The paths of grafts to leave out.
        copies: The copy of each layer, by the identity of the layer.
        models: The models that were copied layer by layer, inner ones first: each with
            its copy, and what the paths of its layers begin with.
        layers: The other layers, each with its copy.
    """

    def __init__(
        self, after: Mapping[str, Sequence[Graft]], without: Collection[str]
    ) -> None:
        self.after = after
        self.without = without
        self.copies: dict[int, Any] = {}
        self.models: list[tuple[Any, Any, str]] = []
        self.layers: list[tuple[Any, Any]] = []

    def graph(self, graph: Any, prefix: str) -> Any:
        """Return a copy of a functional model whose layers stand under ``prefix``."""
        return keras.models.clone_model(
            graph,
            input_tensors=new_inputs(graph),
            clone_function=partial(self.layer, prefix=prefix),
            call_function=partial(self.call, prefix=prefix),
        )

    def layer(self, layer: Any, prefix: str) -> Any:
        """Return the copy of a layer, without its weights."""
        path = f"{prefix}{layer.name}"
        if path in self.without:
            # never called, so it is no part of the copy
            return layer
        if id(layer) not in self.copies:
            self.copies[id(layer)] = self._copied(layer, path)
        return self.copies[id(layer)]

    def call(self, layer: Any, *args: Any, prefix: str, **keywords: Any) -> Any:
        """Return what the copy of a layer returns, after the grafts that it gets."""
        path = f"{prefix}{layer.name}"
        if path in self.without:
            return keras.tree.flatten((args, keywords))[0]
        outputs = layer(*args, **keywords)
        if path not in self.after:
            return outputs
        maps = keras.tree.flatten(outputs)
        changed = [graft(x) for graft, x in zip(self.after[path], maps, strict=True)]
        return keras.tree.pack_sequence_as(outputs, changed)

    def like(self, model: Any, copy: Any, path: str) -> Any:
        """Return ``copy`` as a model of the class of ``model``, if that can be.

        Raises:
            SiteError: It cannot, and the class runs in a way of its own.
        """
        cls = type(model)
        if isinstance(copy, cls) or isinstance(model, keras.Sequential):
            return copy
        if _takes_graph(cls):
            return cls(inputs=copy.input, outputs=copy.output, name=copy.name)
        own = [n for n in METHODS if getattr(cls, n) is not getattr(type(copy), n)]
        if own:
            raise SiteError(
                f"{path}: {cls.__name__} has its own {own[0]} and its own constructor, "
                "so a copy with blocks would lose it. Let the constructor take inputs, "
                "outputs and name as that of keras.Model does, or graft before you put "
                "the class around the model."
            )
        return copy

    def copy_states(self) -> None:
        """Give each copy the weights and states of its layer, and let it train or not.

        A model that is frozen as a whole would not train what was put into it, so its
        copy is not frozen, only the layers in it are.
        """
        for model, copy, prefix in self.models:
            has_new = any(path.startswith(prefix) for path in self.after)
            if not model.trainable and not has_new:
                copy.trainable = False
        for layer, copy in self.layers:
            copy_state(layer, copy)

    def _copied(self, layer: Any, path: str) -> Any:
        inner = graph_of(layer)
        if inner is None or not (self._changes(f"{path}/") or _is_plain(layer, inner)):
            copy = copy_layer(layer, path)
            # operations of keras.ops have no weights
            if isinstance(layer, keras.layers.Layer):
                self.layers.append((layer, copy))
            return copy
        if isinstance(layer, keras.Sequential) and not self._changes(f"{path}/"):
            clone = partial(self.layer, prefix=f"{path}/")
            copy = keras.models.clone_model(layer, clone_function=clone)
        else:
            copy = self.like(layer, self.graph(inner, f"{path}/"), path)
        self.models.append((layer, copy, f"{path}/"))
        return copy

    def _changes(self, prefix: str) -> bool:
        """Return whether a model whose paths begin so is changed within."""
        return any(path.startswith(prefix) for path in (*self.after, *self.without))


def _is_plain(layer: Any, inner: Any) -> bool:
    return type(layer) is type(inner) or type(layer) is keras.Sequential


def _takes_graph(cls: Any) -> bool:
    """Return whether a class of models is made as ``keras.Model`` is."""
    known = inspect.signature(cls.__init__).parameters
    kinds = {parameter.kind for parameter in known.values()}
    both = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    return {"inputs", "outputs"} <= set(known) or both <= kinds
