"""Move weights between Keras layers and PyTorch modules, both ways, strictly.

Layers and variables have the names of the modules, so one walk finds the key of each.
PyTorch itself is not needed: ``from_torch`` reads any mapping from keys to arrays, such
as a file of safetensors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from foveate import _checks
from foveate.errors import OptionError, WeightsError
from foveate.keras._formats import MAP_DIMS

__all__ = ["from_torch", "state_dict", "to_torch"]

NAMES = {
    "kernel": "weight",
    "gamma": "weight",
    "bias": "bias",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
"""Variables of Keras' layers, and what torch calls them."""

LEAVES = (
    keras.layers.BatchNormalization,
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv2DTranspose,
    keras.layers.Dense,
    keras.layers.DepthwiseConv2D,
    keras.layers.GroupNormalization,
    keras.layers.LayerNormalization,
)
"""Keras' own layers whose counterparts in torch are known."""


UNUSED = "num_batches_tracked"
"""What torch's BatchNorm counts, and Keras' does not."""


@dataclass(frozen=True)
class Place:
    """One variable, and how torch lays out its values.

    Attributes:
        variable: The variable.
        order: The axes of the variable in the order of torch.
    """

    variable: Any
    order: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape in torch."""
        return tuple(self.variable.shape[axis] for axis in self.order)

    def read(self) -> NDArray[Any]:
        """Return the values as torch has them."""
        values = keras.ops.convert_to_numpy(self.variable.value)
        # a copy, never a view of the memory of the layer
        return np.array(values.transpose(self.order), order="C")

    def write(self, values: NDArray[Any]) -> None:
        """Set the variable to values as torch has them."""
        self.variable.assign(values.transpose(np.argsort(self.order)))


def state_dict(layer: keras.layers.Layer) -> dict[str, NDArray[Any]]:
    """Return the weights of a layer or model as the PyTorch module names them.

    Args:
        layer: A layer of this package, a network of it, or a model whose layers are
            named after the modules of a network; an underscore may stand for a dot.

    Returns:
        Arrays by key, in PyTorch's order of axes, without ``num_batches_tracked``.

    Raises:
        WeightsError: The layer has no weights yet, or a variable with no counterpart.

    Example:
        >>> import foveate.keras as fk
        >>> layer = fk.create("eca", 64)
        >>> layer.build((None, None, None, 64))
        >>> {key: values.shape for key, values in state_dict(layer).items()}
        {'conv.weight': (1, 1, 3)}
    """
    return {key: place.read() for key, place in _places(layer).items()}


def from_torch(layer: keras.layers.Layer, source: Any) -> keras.layers.Layer:
    """Set the weights of a Keras layer to those of a PyTorch module; return the layer.

    Every key must have its variable and every variable its key, but for
    ``num_batches_tracked``, which Keras does not count. Nothing is written unless all
    fits.

    Args:
        layer: A layer or model, see ``state_dict``. One that was made with ``channels``
            is built if it is not.
        source: The module, or its state dict: arrays or tensors by key.

    Raises:
        WeightsError: A key or a variable is left over, or a shape differs.

    Example:
        >>> import numpy as np
        >>> import foveate.keras as fk
        >>> layer = fk.create("eca", 64)
        >>> layer = from_torch(layer, {"conv.weight": np.ones((1, 1, 3))})
        >>> float(state_dict(layer)["conv.weight"].sum())
        3.0
    """
    given = {
        key: _array(values)
        for key, values in _state_of(source).items()
        if key.rpartition(".")[2] != UNUSED
    }
    places = _matched(layer, {key: values.shape for key, values in given.items()})
    for key, place in places.items():
        place.write(given[key])
    return layer


def to_torch(layer: keras.layers.Layer, module: Any) -> Any:
    """Set the weights of a PyTorch module to those of a Keras layer; return the module.

    What ``from_torch`` says of keys holds here too; ``num_batches_tracked`` stays as it
    is.

    Args:
        layer: A layer or model, see ``state_dict``.
        module: The module.

    Raises:
        WeightsError: A key or a variable is left over, or a shape differs.
    """
    state = {
        key: values
        for key, values in _state_of(module).items()
        if key.rpartition(".")[2] != UNUSED
    }
    shapes = {key: tuple(values.shape) for key, values in state.items()}
    for key, place in _matched(layer, shapes).items():
        # its state shares memory with the module, and knows how to make such a tensor
        state[key].copy_(state[key].new_tensor(place.read()))
    return module


def _matched(
    layer: keras.layers.Layer, shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, Place]:
    """Return the variables of a layer by the keys of a module, each used once."""
    if not isinstance(layer, keras.layers.Layer):
        kind = type(layer)
        raise OptionError(
            f"expects a Keras layer first, got {kind.__name__} of {kind.__module__}: "
            "write from_torch(layer, module) and to_torch(layer, module)."
        )
    _build(layer)
    own = _places(layer)
    if own.keys() != shapes.keys():
        own = _respelled(own, shapes)
    problems = _checks.misfits({key: place.shape for key, place in own.items()}, shapes)
    if problems:
        raise WeightsError(f"{layer.name}: the weights do not fit. {problems}")
    return own


def _respelled(own: Mapping[str, Place], keys: Mapping[str, Any]) -> dict[str, Place]:
    """Return variables under the keys that are theirs if underscores are dots."""
    by_words: dict[str, list[str]] = {}
    for key in keys:
        by_words.setdefault(key.replace(".", "_"), []).append(key)
    respelled = {}
    for key, place in own.items():
        same = by_words.get(key.replace(".", "_"), [])
        respelled[same[0] if len(same) == 1 else key] = place
    # two that would share a key keep their own names, which then do not fit
    return respelled if len(respelled) == len(own) else dict(own)


def _build(layer: keras.layers.Layer) -> None:
    channels = getattr(layer, "channels", None)
    if layer.built or channels is None:
        return
    layer.build(layer.shapes_for(channels))


def _places(layer: keras.layers.Layer) -> dict[str, Place]:
    """Return every variable of a layer by the key of its values in torch."""
    if not layer.built:
        raise WeightsError(
            f"{layer.name}: has no weights yet. Call it on a map first, or make it "
            "with its channels."
        )
    places = {key.removeprefix("."): place for key, place in _walk(layer, "")}
    found = {id(place.variable) for place in places.values()}
    lost = [v.path for v in layer.weights if id(v) not in found]
    if lost or len(found) != len(places):
        raise WeightsError(
            f"{layer.name}: no counterpart in PyTorch is known for "
            f"{_checks.cut(lost) or 'variables that stand in two places'}."
        )
    return places


def _walk(part: Any, path: str) -> Iterator[tuple[str, Place]]:
    if isinstance(part, keras.Variable):
        yield path, Place(part, _order_of_own(len(part.shape)))
    elif isinstance(part, LEAVES):
        yield from _walk_leaf(part, path)
    else:
        for name, inner in _parts(part):
            yield from _walk(inner, f"{path}.{name}")


def _parts(part: Any) -> Iterator[tuple[str, Any]]:
    """Return what may hold variables, by its name in the path of a key."""
    if isinstance(part, list | tuple):
        for number, inner in enumerate(part):
            yield str(number), inner
    # functional and sequential models hold their layers by name
    elif isinstance(part, keras.Model) and getattr(part, "inputs", None):
        for inner in part.layers:
            yield inner.name, inner
    # of a layer of Keras that is not among those that are known nothing is guessed
    elif isinstance(part, keras.layers.Layer) and not _is_of_keras(part):
        for name in _attributes(part):
            yield name, getattr(part, name)


def _is_of_keras(layer: keras.layers.Layer) -> bool:
    return type(layer).__module__.startswith("keras.")


def _walk_leaf(layer: keras.layers.Layer, path: str) -> Iterator[tuple[str, Place]]:
    for name, torch_name in NAMES.items():
        variable = getattr(layer, name, None)
        if variable is not None:
            order = _order_of_kernel(layer) if name == "kernel" else (0,)
            yield f"{path}.{torch_name}", Place(variable, order)


def _order_of_kernel(layer: keras.layers.Layer) -> tuple[int, ...]:
    """Return a kernel's axes as torch has them: channels out, channels in, sides."""
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        return 2, 3, 0, 1
    last = len(layer.kernel.shape) - 1
    return last, last - 1, *range(last - 1)


def _order_of_own(axes: int) -> tuple[int, ...]:
    """Return the axes of a variable of a block itself as torch has them."""
    return (0, 3, 1, 2) if axes == MAP_DIMS else tuple(range(axes))


def _attributes(layer: keras.layers.Layer) -> list[str]:
    """Return the names of what a layer has and no other layer does."""
    return [n for n in dir(layer) if not n.startswith("_") and n not in _known()]


@cache
def _known() -> frozenset[str]:
    return frozenset((*dir(keras.layers.Layer()), *dir(keras.Model())))


def _state_of(source: Any) -> Mapping[str, Any]:
    if isinstance(source, Mapping):
        return source
    if not hasattr(source, "state_dict"):
        raise OptionError(
            f"expects a PyTorch module or its state dict, got {type(source).__name__}."
        )
    state: Mapping[str, Any] = source.state_dict()
    return state


def _array(values: Any) -> NDArray[Any]:
    """Return an array of what may be a tensor of PyTorch."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        # numpy has no such type
        values = values.float() if "bfloat16" in str(values.dtype) else values
        values = values.numpy()
    # a copy: on a CPU a backend may keep the memory that it is given
    return np.array(values)
