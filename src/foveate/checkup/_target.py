"""What is to be examined, and how it is found and built."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from torch import nn

from foveate import _checks, blocks, catalog
from foveate._loading import load
from foveate.checkup._blame import blaming
from foveate.errors import OptionError, UnknownNameError

__all__ = ["SIZE", "Constructor", "Target", "find"]

SIZE = (16, 12)
"""Height and width of an ordinary map."""

CHANNELS = re.compile(
    r"^(c\d?|ch\w*|\w*chan\w*|\w*_ch\d?|\w*dims?|d_model|inp|oup|\w*planes?|inc|outc"
    r"|\w*feat\w*|\w*filters?|\w*width|nc|n_c)$",
    re.IGNORECASE,
)
"""Names that public code gives to the number of channels."""

KINDS_BY_PLACE = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
)


@dataclass(frozen=True)
class Target:
    """A block to examine, with all that the doctor must know to build and call it.

    Attributes:
        block: A class, a function that returns a block, a name of the catalogue, or
            ``package.module:Class`` or ``path/to/file.py:Class``.
        channels: Channels of its maps.
        options: Further arguments by name.
        inputs: How many maps it takes; None: one, or what a fusion of ours says.
        size: The only size of map that it takes, ``(H, W)``; None: any.
        training_batch: The fewest images that it takes in training, such as 2 for
            BatchNorm behind a pooling to one place; None: 1, or what a block of ours
            says.
    """

    block: str | Callable[..., nn.Module]
    channels: int = 64
    options: Mapping[str, Any] = field(default_factory=dict)
    inputs: int | None = None
    size: tuple[int, int] | None = None
    training_batch: int | None = None

    def __post_init__(self) -> None:
        _checks.positive("doctor", channels=self.channels)
        _checks.positive_or_none(
            "doctor", inputs=self.inputs, training_batch=self.training_batch
        )
        sides = self.size if isinstance(self.size, tuple | list) else ()
        fits = len(sides) == len(SIZE) and all(type(s) is int and s > 0 for s in sides)
        if self.size is not None and not fits:
            raise OptionError(
                "doctor: size must be (H, W), two whole numbers greater than 0, got "
                f"{self.size!r}."
            )


@dataclass(frozen=True)
class Constructor:
    """How to build a block.

    Attributes:
        name: What it is called.
        call: Takes what is passed by place and by name.
        places: The channels, as often as it asks for them by place.
        options: What is passed by name.
    """

    name: str
    call: Callable[..., nn.Module]
    places: tuple[str, ...]
    options: Mapping[str, Any]

    def __call__(self, channels: int) -> nn.Module:
        """Return a new block.

        Raises:
            BlockError: Its constructor raised something.
        """
        with blaming(direct=True):
            built = self.call(*[channels] * len(self.places), **self.options)
        if not isinstance(built, nn.Module):
            raise OptionError(
                f"doctor: {self.text(channels)} returns a {type(built).__name__}, "
                "not an nn.Module. Name the class of the block, or a function that "
                "returns a new block."
            )
        return built

    def text(self, channels: int) -> str:
        """Return the call as one would write it."""
        options = [f"{key}={value!r}" for key, value in self.options.items()]
        return f"{self.name}({', '.join([str(channels)] * len(self.places) + options)})"


def find(target: Target) -> Constructor:
    """Return how to build ``target``.

    Raises:
        UnknownNameError: There is no such name, module or class.
        OptionError: The module cannot be imported, or the target is not a class or
            function.
    """
    block = target.block
    if isinstance(block, str):
        if ":" not in block:
            return _of_the_catalogue(block, target)
        block = load(block)
    if isinstance(block, nn.Module):
        raise OptionError(
            f"doctor: takes the class {type(block).__name__} and not one of its "
            "objects, because each check begins with a new one. Pass the class, or a "
            "function that returns a new block."
        )
    if not callable(block):
        raise OptionError(
            "doctor: the block must be a class, a function that returns a block, or a "
            f"name of the catalogue, got {block!r}."
        )
    return Constructor(
        _name(block), block, _places(block, target.options), target.options
    )


def _of_the_catalogue(name: str, target: Target) -> Constructor:
    try:
        card, _ = catalog.resolve(name)
    except UnknownNameError as problem:
        raise UnknownNameError(
            f"{problem} A class of your own is written package.module:Class or "
            "path/to/file.py:Class."
        ) from None
    options = dict(target.options)
    if card.sized:
        options.setdefault("spatial_size", target.size or SIZE)
    return Constructor(name, partial(blocks.create, name), ("channels",), options)


def _name(block: Callable[..., Any]) -> str:
    while isinstance(block, partial):
        block = block.func
    return getattr(block, "__name__", type(block).__name__)


def _places(
    block: Callable[..., nn.Module], options: Mapping[str, Any]
) -> tuple[str, ...]:
    """Return the names of the arguments by place that are a number of channels.

    The first that must be given is, whatever its name; of those with a default and of
    the others, those that are named so.
    """
    try:
        signature = inspect.signature(block)
    except ValueError:
        return ("channels",)
    if isinstance(block, type) and signature == inspect.signature(nn.Module):
        # it has no constructor of its own, and that of nn.Module takes nothing
        return ()
    places: list[str] = []
    for parameter in signature.parameters.values():
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL and not places:
            places.append("channels")
        required = parameter.default is inspect.Parameter.empty
        sounds_so = CHANNELS.match(parameter.name) is not None
        wanted = (required and (sounds_so or not places)) or (sounds_so and not places)
        if parameter.kind not in KINDS_BY_PLACE or parameter.name in options:
            break
        if not wanted:
            break
        places.append(parameter.name)
    return tuple(places)
