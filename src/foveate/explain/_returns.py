"""What each layer of a network returns for one image."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from foveate import surgery
from foveate.errors import FoveateError, OptionError
from foveate.explain._network import alone, network_of
from foveate.explain._tokens import TOKEN_DIMS, Layout, Size, layout_of, patches_of

__all__ = ["Returned", "Seen", "look_at"]


@dataclass
class Returned:
    """What a layer returned.

    Attributes:
        path: The layer's name in the network.
        module: The layer.
        got: The shape of its first argument; None if that is no tensor.
        shape: The shape of what it returned; None if that is no tensor.
        words: What it returned, in words.
        calls: How many times it ran.
        layout: How that lies on the image; None if it does not.
    """

    path: str
    module: nn.Module
    got: tuple[int, ...] | None = None
    shape: tuple[int, ...] | None = None
    words: str = "nothing"
    calls: int = 0
    layout: Layout | None = None

    @property
    def side(self) -> int:
        """The fewer of its rows and columns; 0 if it has none."""
        return min(self.layout.size) if self.layout is not None else 0


@dataclass
class Seen:
    """What one run of a network has shown.

    Attributes:
        model: The network.
        image: Height and width of its input.
        layers: Those that ran, by path, in the order in which they ended.
        stages: The paths of the layers that end its stages, the first first.
        host: The paths of the layers of the host, without those of grafted blocks.
        answers_maps: Whether the network itself returns maps.
    """

    model: nn.Module
    image: Size
    layers: dict[str, Returned] = field(default_factory=dict)
    stages: list[str] = field(default_factory=list)
    host: frozenset[str] = frozenset()
    answers_maps: bool = False


def look_at(model: nn.Module, x: Tensor) -> Seen:
    """Run a network once, leave it as it was, and return what its layers returned.

    It is looked at within its wrappers, such as DataParallel or a ``YOLO``.

    Raises:
        OptionError: It does not run with ``x``, or has no layers.
        SiteError: Hooks do not reach its layers.
    """
    model = network_of(model)
    seen = Seen(model, (x.shape[-2], x.shape[-1]))
    if not any(True for _ in model.children()):
        raise OptionError(
            f"target_layers: {type(model).__name__} has no layers within it to look "
            "at. Put it into an nn.Sequential with what follows it."
        )
    with alone(model), _uncompiled(model), _watching(seen):
        try:
            found = surgery.sites(model, x, at="**")
        except FoveateError as problem:
            words = str(problem).removeprefix("example: ")
            raise type(problem)(f"input_tensor: {words}") from problem.__cause__
    ends = {site.stage: site.path for site in found if site.stage is not None}
    seen.stages = [ends[number] for number in sorted(ends)]
    seen.host = frozenset(site.path for site in found)
    seen.layers.pop("", None)
    _lay_out(seen)
    return seen


def _lay_out(seen: Seen) -> None:
    """Say of each layer how what it returned lies on the image."""
    patches = patches_of(seen.model)
    known = any(
        str(getattr(module, "output_fmt", "")).endswith("NHWC")
        for module in seen.model.modules()
    )
    in_rows = _tokens_in_rows(seen.model)
    for layer in seen.layers.values():
        if layer.shape is None or not layer.shape:
            continue
        # before they are all pooled they lie window by window
        if len(layer.shape) == TOKEN_DIMS and layer.shape[1] > in_rows:
            continue
        # heads of attention have four axes too
        if len(layer.shape) > TOKEN_DIMS and _is_among_tokens(seen, layer.path):
            continue
        layer.layout = layout_of(
            layer.module, layer.shape, seen.image, patches, channels_last=known
        )


def _tokens_in_rows(model: nn.Module) -> float:
    """Return how many tokens are left when they lie row after row.

    Hiera brings the tokens that it will pool next to each other first.
    """
    for module in model.modules():
        size: Any = getattr(module, "size", None)
        steps: Any = getattr(module, "schedule", None)
        if type(module).__name__ == "Unroll" and size and steps is not None:
            places, pooled = math.prod(size), math.prod(map(math.prod, steps))
            return float(places // pooled)
    return math.inf


def _is_among_tokens(seen: Seen, path: str) -> bool:
    """Return whether a layer belongs to one that gets tokens, as transformers do."""
    while path:
        path = path.rpartition(".")[0]
        holder = seen.layers.get(path)
        if holder is not None and holder.got is not None:
            return len(holder.got) == TOKEN_DIMS
    return False


@contextmanager
def _watching(seen: Seen) -> Iterator[None]:
    """Write down what every layer returns, blocks that were grafted included."""
    handles = []

    def note(path: str, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        layer = seen.layers.pop(path, None) or Returned(path, module)
        seen.layers[path] = layer
        first = args[0] if args else None
        layer.got = tuple(first.shape) if isinstance(first, Tensor) else None
        layer.shape = tuple(output.shape) if isinstance(output, Tensor) else None
        layer.words = _words(output)
        layer.calls += 1
        seen.answers_maps = _has_maps(output)

    try:
        for path, module in seen.model.named_modules():

            def hook(
                module: nn.Module, args: Any, output: Any, path: str = path
            ) -> None:
                note(path, module, args, output)

            handles.append(module.register_forward_hook(hook))
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _uncompiled(model: nn.Module) -> Iterator[None]:
    """Run what ``model.compile()`` compiled in place as it was written."""
    compiled = {}
    for module in model.modules():
        call = getattr(module, "_compiled_call_impl", None)
        if call is not None:
            compiled[module] = call
    try:
        for module in compiled:
            module._compiled_call_impl = None  # noqa: SLF001
        yield
    finally:
        for module, call in compiled.items():
            module._compiled_call_impl = call  # noqa: SLF001


def _has_maps(value: Any) -> bool:
    """Return whether the first tensor of an output is a map."""
    while isinstance(value, list | tuple | Mapping) and value:
        value = next(iter(value.values() if isinstance(value, Mapping) else value))
    return (
        isinstance(value, Tensor)
        and value.dim() > TOKEN_DIMS
        and value.shape[2:].numel() > 1
    )


def _words(value: Any) -> str:
    if isinstance(value, Tensor):
        return str(tuple(value.shape))
    if isinstance(value, Mapping) and value:
        return f"{type(value).__name__} with {', '.join(map(str, value))}"
    if isinstance(value, list | tuple) and value:
        return f"{type(value).__name__} of {', '.join(map(_words, value[:4]))}"
    return type(value).__name__
