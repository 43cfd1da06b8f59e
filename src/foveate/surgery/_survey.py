"""Look at a host once: what every layer gets and returns."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from foveate import _traces
from foveate.errors import FoveateError, OptionError, ShapeError
from foveate.surgery._graft import CHILD, each_map
from foveate.surgery._reach import check_host
from foveate.surgery.running import Inputs, fresh, undisturbed

__all__ = ["Layer", "Survey", "is_convolution", "is_norm", "survey"]

Shape = tuple[int, ...]


@dataclass
class Layer:
    """A layer that ran.

    Attributes:
        path: Its name in the host.
        module: The layer.
        calls: How many times it ran.
        inputs: The shapes of its first argument, if that is a tensor or several.
        outputs: The shapes of what it returned, if that is a tensor or several.
        returned: What it returned, in words.
        extra: Whether it got more than one argument.
        device: Where what it returned is.
        dtype: The type of that.
        got: The type of the first tensor that it got.
        norm: The BatchNorm that its output goes straight into, by its path.
        convolution: The convolution whose output it gets, if it is a BatchNorm.
    """

    path: str
    module: nn.Module
    calls: int = 0
    inputs: tuple[Shape, ...] = ()
    outputs: tuple[Shape, ...] = ()
    returned: str = "nothing"
    extra: bool = False
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    dtype: torch.dtype = torch.float32
    got: torch.dtype = torch.float32
    norm: str | None = None
    convolution: str | None = None


@dataclass
class Survey:
    """What looking at a host once has shown.

    Attributes:
        model: The host.
        inputs: What it was called with.
        output: What it returned.
        layers: Every layer that ran, by its path, in the order of their last end.
        idle: The paths of the layers that did not run.
        merged: What still runs in layers that merge their branches, where it was asked.
    """

    model: nn.Module
    inputs: Inputs
    output: Any
    layers: dict[str, Layer]
    idle: tuple[str, ...]
    merged: dict[str, frozenset[str]] = field(default_factory=dict)

    @property
    def image(self) -> tuple[int, int] | None:
        """Height and width of the first input that is a batch of images."""
        args, keywords = self.inputs
        for value in (*args, *keywords.values()):
            found = value[0] if isinstance(value, list | tuple) and value else value
            if isinstance(found, Tensor) and found.dim() >= 3:  # noqa: PLR2004
                return found.shape[-2], found.shape[-1]
        return None


def survey(model: nn.Module, inputs: Inputs) -> Survey:
    """Run ``model`` once, without a trace, and return what its layers got and gave.

    Raises:
        SiteError: The host is compiled, scripted or wrapped, so that hooks do not reach
            its layers.
        OptionError: The host does not run with these inputs.
    """
    check_host(model)
    paths = {
        module: path
        for path, module in model.named_modules()
        if path and CHILD not in path.split(".")
    }
    layers: dict[str, Layer] = {}
    args, keywords = fresh(inputs)
    # a host may change them
    words = [_words(value) for value in (*args, *keywords.values())]
    with undisturbed(model), _watching(paths, layers):
        try:
            output = model(*args, **keywords)
        except FoveateError:
            raise
        except Exception as problem:
            raise OptionError(
                f"example: {type(model).__name__} does not run with "
                f"{', '.join(words) or 'no arguments'}: {_traces.seen(problem)}. Give "
                "the shape of an input that it takes, such as (1, 3, 224, 224), a "
                "tensor, or a tuple of its arguments."
            ) from problem
    idle = tuple(path for path in paths.values() if path not in layers)
    return Survey(model, inputs, output, layers, idle)


def is_norm(module: nn.Module) -> bool:
    """Return whether a layer is a BatchNorm, of torch or another library."""
    return any("BatchNorm" in kind.__name__ for kind in type(module).__mro__)


@contextmanager
def _watching(paths: dict[nn.Module, str], layers: dict[str, Layer]) -> Iterator[None]:
    """Write into ``layers`` what each module gets and returns."""
    # which convolution a tensor came from; the tensor itself is not kept
    sources: dict[int, tuple[weakref.ref[Tensor], Layer]] = {}

    def enter(module: nn.Module, args: tuple[Any, ...], keywords: Any) -> None:
        layer = layers.get(paths[module]) or Layer(paths[module], module)
        layer.extra = len(args) + len(keywords) > 1
        layer.inputs = _shapes(args[0]) if args else ()
        first = _first_tensor(args)
        layer.got = layer.got if first is None else first.dtype
        source = sources.get(id(args[0])) if args else None
        if is_norm(module) and source is not None and source[0]() is args[0]:
            source[1].norm = layer.path
            layer.convolution = source[1].path
        layers[layer.path] = layer

    def leave(module: nn.Module, _: Any, output: Any) -> None:
        layer = layers.pop(paths[module])
        layers[layer.path] = layer
        layer.calls += 1
        layer.outputs = _shapes(output)
        layer.returned = _words(output)
        tensor = _first_tensor(output)
        if tensor is not None:
            layer.device, layer.dtype = tensor.device, tensor.dtype
        if is_convolution(module) and isinstance(output, Tensor):
            sources[id(output)] = (weakref.ref(output), layer)

    with _hooked(paths, enter, leave):
        yield


@contextmanager
def _hooked(
    modules: Iterable[nn.Module],
    enter: Callable[..., None],
    leave: Callable[..., None],
) -> Iterator[None]:
    """Call ``enter`` before and ``leave`` after each of the modules."""
    handles: list[Any] = []
    try:
        for module in modules:
            handles.append(module.register_forward_pre_hook(enter, with_kwargs=True))
            handles.append(module.register_forward_hook(leave))
        yield
    finally:
        for handle in handles:
            handle.remove()


def is_convolution(module: nn.Module) -> bool:
    """Return whether a layer is a convolution."""
    return isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.ConvTranspose2d)


def _shapes(value: Any) -> tuple[Shape, ...]:
    """Return the shapes of the tensors in ``value``; none if there is anything else."""
    shapes: list[Shape] = []
    try:
        each_map(value, lambda tensor: shapes.append(tuple(tensor.shape)))
    except (ShapeError, TypeError):
        return ()
    return tuple(shapes)


def _first_tensor(value: Any) -> Tensor | None:
    while isinstance(value, list | tuple | Mapping) and value:
        value = next(iter(value.values() if isinstance(value, Mapping) else value))
    return value if isinstance(value, Tensor) else None


def _words(value: Any) -> str:
    """Return what a value is, for a message."""
    if isinstance(value, Tensor):
        return f"({', '.join(map(str, value.shape))})"
    if isinstance(value, list | tuple) and value:
        return f"{type(value).__name__} of {', '.join(_words(item) for item in value)}"
    return type(value).__name__
