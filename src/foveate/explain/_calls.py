"""Watch what the attention of a network gets in one run, and leave no trace of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from inspect import signature
from typing import Any, cast

from torch import Tensor, nn

from foveate import _traces
from foveate.blocks import Block, Fusion
from foveate.errors import FoveateError, OptionError, ShapeError
from foveate.explain._network import alone, as_written, moved
from foveate.pictures.places import at_place, middle_of
from foveate.surgery.attention import Attention
from foveate.surgery.running import device_and_dtype, undisturbed

__all__ = ["Call", "check_images", "run_watched"]

MAP_DIMS = 4


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a block, a fusion or a layer.

    Attributes:
        attention: What is called.
        where: Its place; of a second call in one run, ``layer4 (call 2)``.
        inputs: The maps that it gets.
        more: Its other arguments that its ``maps`` takes too, by name.
        output: What it returns; None of what has maps of its own.
    """

    attention: Attention
    where: str
    inputs: tuple[Any, ...]
    more: Mapping[str, Any]
    output: Any = None

    @property
    def name(self) -> str:
        """Its place and class, for people."""
        return f"{self.where} ({self.attention.type})"

    @property
    def channels(self) -> int:
        """Channels that it works in."""
        module = self.attention.module
        if isinstance(module, Fusion):
            return module.channels
        return int(self.inputs[0].shape[1])

    @property
    def is_pairwise(self) -> bool:
        """Whether its maps are of one place that looks."""
        return (
            "query" in signature(cast("Block", self.attention.module).maps).parameters
        )

    def place(self, query: tuple[float, float]) -> tuple[int, int]:
        """Return the row and column of its map at shares of height and width."""
        return at_place(query, self.inputs[0].shape[2:])

    def middle(self, place: tuple[int, int]) -> tuple[float, float]:
        """Return the middle of a place of its map as shares of height and width."""
        return middle_of(place, self.inputs[0].shape[2:])

    def maps(self, place: tuple[int, int] | None = None) -> dict[str, Tensor]:
        """Return its maps; of a pairwise block those of a place that looks."""
        module = cast("Block", self.attention.module)
        more = dict(self.more) if place is None else {**self.more, "query": place}
        return module.maps(*self.inputs, **more)


def check_images(x: Any, caller: str) -> None:
    """Raise ShapeError unless ``x`` is a batch of images."""
    if not isinstance(x, Tensor) or x.dim() != MAP_DIMS or 0 in x.shape:
        came = tuple(x.shape) if isinstance(x, Tensor) else type(x).__name__
        raise ShapeError(
            f"{caller}: images must be a tensor (N, C, H, W), or several such as "
            f"(1, C, H, W), got {came}. Of one image (C, H, W) give image[None]."
        )


def run_watched(
    network: nn.Module,
    x: Tensor,
    found: Sequence[Attention],
    see: Callable[[Call], None],
) -> None:
    """Run a network once on images, and tell of every call as it happens.

    Args:
        network: Runs in evaluation, without gradients, and is left as it was.
        x: Images, ``(N, C, H, W)``; moved to its device and precision.
        found: Whose calls are told.
        see: Is told them: those of blocks and fusions before they run, of other layers
            when they have.

    Raises:
        OptionError: The network does not run with the images, or has no values.
    """
    if device_and_dtype(network)[0].type == "meta":
        raise OptionError(
            f"{type(network).__name__} is on the meta device, where it has no values. "
            "Load its weights on another, such as cpu, then look."
        )
    # a copy, as a network may change its input
    x = moved(x, network, copy=True)
    try:
        with (
            alone(network),
            undisturbed(network),
            as_written(),
            _hooked(found, see),
        ):
            network(x)
    except FoveateError:
        raise
    except Exception as problem:
        raise OptionError(
            f"{type(network).__name__} does not run with images {tuple(x.shape)}: "
            f"{_traces.seen(problem)}."
        ) from problem


@contextmanager
def _hooked(found: Sequence[Attention], see: Callable[[Call], None]) -> Iterator[None]:
    watch = _Watch(found, see)
    with ExitStack() as hooks:
        for each in found:
            module = each.module
            # last of all, to get what the layer itself gets
            enter = module.register_forward_pre_hook(watch.enter, with_kwargs=True)
            hooks.callback(enter.remove)
            if not each.has_maps:
                # first of all, before a block that was grafted after the layer
                leave = module.register_forward_hook(watch.leave, prepend=True)
                hooks.callback(leave.remove)
        yield


class _Watch:
    """Tells of calls, and keeps the input of those that have not returned."""

    def __init__(self, found: Sequence[Attention], see: Callable[[Call], None]) -> None:
        self.attention = {each.module: each for each in found}
        self.see = see
        self.seen: Counter[nn.Module] = Counter()
        self.open: list[Tensor | None] = []
        self.busy = False

    def enter(
        self, module: nn.Module, args: tuple[Any, ...], keywords: dict[str, Any]
    ) -> None:
        # the maps of a block may be made by running it
        if self.busy:
            return
        attention = self.attention[module]
        if not attention.has_maps:
            first = next(iter((*args, *keywords.values())), None)
            if isinstance(first, Tensor) and first.dim() == MAP_DIMS:
                # some layers change their input
                self.open.append(first.clone())
            else:
                self.open.append(None)
            return
        inputs, more = _arguments(module, args, keywords)
        self._tell(Call(attention, self._where(module), inputs, more))

    def leave(self, module: nn.Module, _: Any, output: Any) -> None:
        if self.busy:
            return
        x = self.open.pop()
        where = self._where(module)
        self._tell(Call(self.attention[module], where, (x,), {}, output))

    def _tell(self, call: Call) -> None:
        self.busy = True
        try:
            self.see(call)
        finally:
            self.busy = False

    def _where(self, module: nn.Module) -> str:
        self.seen[module] += 1
        number = self.seen[module]
        where = self.attention[module].where
        return where if number == 1 else f"{where} (call {number})"


def _arguments(
    module: nn.Module, args: tuple[Any, ...], keywords: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the maps that a block or fusion gets, and what else its ``maps`` takes."""
    if isinstance(module, Fusion):
        return args, {}
    given = dict(signature(module.forward).bind(*args, **keywords).arguments)
    taken = signature(cast("Block", module).maps).parameters
    first, *others = given.items()
    return (first[1],), {name: value for name, value in others if name in taken}
