"""The layers of a model by name, and one run in which each tells what it returns."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import keras
from keras import ops

from foveate import _traces
from foveate.errors import FoveateError, OptionError, ShapeError
from foveate.keras._numbers import Tensor

__all__ = [
    "Part",
    "Tell",
    "check_images",
    "check_model",
    "framework",
    "parts_of",
    "replaced",
    "run",
    "steps_of",
    "telling",
]

Part = Any
"""A layer, or an operation such as ``keras.ops.softmax`` in a functional model."""

Tell = Callable[[str, tuple[Any, ...], Any], Any]
"""Gets a name, the arguments of a call and its output, and returns what replaces it."""

IMAGE_DIMS = 4


def framework() -> Any:
    """Return the library that runs: torch, jax or tensorflow."""
    return importlib.import_module(keras.backend.backend())


def steps_of(model: keras.Model) -> dict[str, Part]:
    """Return the layers of a model and of models within it, by name.

    A layer of a model within has both names: ``resnet50/conv1_conv``. What another
    layer consists of is not listed.
    """
    return _named(_walk(model, "", lambda part: isinstance(part, keras.Model)))


def parts_of(model: keras.Model) -> dict[str, Part]:
    """Return the layers of a model and all that is within them, by name.

    Example:
        >>> body = keras.Sequential([keras.layers.ReLU(name="relu")], name="body")
        >>> list(parts_of(keras.Sequential([body])))
        ['body', 'body/relu']
    """
    return _named(_walk(model, "", lambda part: isinstance(part, keras.layers.Layer)))


def check_model(caller: str, model: Any) -> None:
    """Raise OptionError unless a model can be looked at."""
    if not isinstance(model, keras.Model):
        raise OptionError(
            f"{caller}: expects a keras.Model, got {type(model).__name__}. Put a layer "
            "into keras.Sequential first."
        )
    if not model.built:
        raise OptionError(
            f"{caller}: {model.name} has no weights yet. Call it on an image first, or "
            "begin it with keras.Input."
        )
    inputs = getattr(model, "inputs", None) or [None]
    if len(inputs) != 1:
        raise OptionError(
            f"{caller}: {model.name} takes {len(inputs)} inputs, and only models of "
            "one are looked at. Make one of the part that sees the image: "
            "keras.Model(image, answer)."
        )


def check_images(caller: str, model: Any, images: Any) -> Tensor:
    """Return a batch of images as a tensor.

    Raises:
        OptionError: ``model`` cannot be looked at.
        ShapeError: It is no batch of images.
    """
    check_model(caller, model)
    x = ops.convert_to_tensor(images)
    if len(x.shape) != IMAGE_DIMS or 0 in tuple(x.shape):
        raise ShapeError(
            f"{caller}: images must be a batch of four axes, as the model takes them, "
            f"got {tuple(x.shape)}. Of one image give image[None]."
        )
    return x


def run(model: keras.Model, x: Tensor) -> Any:
    """Return what a model answers in evaluation; it stays as it was.

    Raises:
        OptionError: It does not run with ``x``.
    """
    try:
        # what a layer would write into a variable is forgotten
        with keras.StatelessScope():
            return model(x, training=False)
    except FoveateError:
        raise
    except Exception as problem:
        raise OptionError(
            f"{model.name} does not run with an input of {tuple(x.shape)}: "
            f"{_traces.seen(problem)}."
        ) from problem


@contextmanager
def telling(parts: Mapping[str, Part], tell: Tell) -> Iterator[None]:
    """Have layers tell of each call, and put in the place of its output what is said.

    The call of a layer is replaced for this one object, so it does not matter of what
    kind the model is, or how deep the layer lies in it.
    """
    with ExitStack() as changes:
        for name, part in parts.items():
            quantized = getattr(part, "quantization_mode", None) is not None
            how = "quantized_call" if quantized else "call"
            told = _told(name, getattr(part, how), tell)
            changes.enter_context(replaced(part, how, told))
        yield


@contextmanager
def replaced(part: Part, attribute: str, value: Any) -> Iterator[None]:
    """Give a layer another attribute for a while, past what Keras tracks."""
    own = vars(part)
    missing = object()
    before = own.get(attribute, missing)
    object.__setattr__(part, attribute, value)
    try:
        yield
    finally:
        if before is missing:
            object.__delattr__(part, attribute)
        else:
            object.__setattr__(part, attribute, before)


def _told(name: str, call: Callable[..., Any], tell: Tell) -> Callable[..., Any]:
    def told(*args: Any, **keywords: Any) -> Any:
        return tell(name, args, call(*args, **keywords))

    return told


def _walk(
    holder: Part, path: str, enters: Callable[[Part], bool]
) -> Iterator[tuple[str, Part]]:
    for part in _children(holder):
        name = f"{path}{part.name}"
        yield name, part
        if enters(part):
            yield from _walk(part, f"{name}/", enters)


def _children(holder: Part) -> Sequence[Part]:
    # a functional model holds operations too, in the order in which they run
    held = getattr(holder, "operations", None)
    if held is None:
        held = holder._flatten_layers(include_self=False, recursive=False)  # noqa: SLF001
    return [part for part in held if not isinstance(part, keras.layers.InputLayer)]


def _named(found: Iterator[tuple[str, Part]]) -> dict[str, Part]:
    """Return parts by name, one that stands in two places by its first."""
    parts: dict[str, Part] = {}
    seen: set[int] = set()
    for name, part in found:
        if id(part) in seen:
            continue
        seen.add(id(part))
        number = 2
        only = name
        while only in parts:
            only, number = f"{name} ({number})", number + 1
        parts[only] = part
    return parts
