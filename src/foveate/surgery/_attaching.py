"""Put modules to the layers of a host, and take them off again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from torch import nn

from foveate.records import Place
from foveate.surgery._graft import (
    CHILD,
    Graft,
    Replacement,
    graft_of,
    run_after,
    run_before,
)
from foveate.surgery._refusals import carrier_of

__all__ = ["Held", "attach_all", "detach_all", "held_by", "originals_in_place"]


@dataclass(frozen=True)
class Held:
    """One block, or several side by side, that a layer of a host holds.

    Attributes:
        path: The layer that holds it.
        layer: The layer itself.
        graft: What the layer holds.
        place: What the plan says of it, its path as seen from this host.
    """

    path: str
    layer: nn.Module
    graft: Graft
    place: Place

    @property
    def modules(self) -> nn.ModuleList:
        """What runs there, one a map."""
        modules: nn.ModuleList = getattr(self.graft, self.place.position)
        return modules

    @property
    def original(self) -> nn.Module | None:
        """The layer in whose place the block stands; None if in none."""
        return self.layer.original[0] if isinstance(self.layer, Replacement) else None


def _attach(
    model: nn.Module,
    place: Place,
    modules: Sequence[nn.Module],
    example: tuple[tuple[int, ...], ...],
) -> Held:
    """Hold ``modules``, one a map, at a place of a host."""
    path = carrier_of(model, place.path, place.position) or place.path
    steps = path.count(".") - place.path.count(".")
    layer = model.get_submodule(path)
    graft = graft_of(layer) or Graft(example)
    graft.hold(place, modules, steps)
    graft.train(layer.training)
    if place.position == "replace":
        layer = Replacement(layer, graft)
        _exchange(model, path, layer)
    else:
        # not add_module, which asks the layer first whether it knows the name
        setattr(layer, CHILD, graft)
        # first, so that hooks of the user's see what the layer now returns
        graft.handles[place.position] = (
            layer.register_forward_hook(run_after, prepend=True)
            if place.position == "after"
            else layer.register_forward_pre_hook(run_before, prepend=True)
        )
    held = Held(path, layer, graft, place)
    _count(model, path, _size(held.modules))
    return held


def _detach(model: nn.Module, held: Held) -> None:
    """Take what a layer holds at one position off, and leave no trace of it."""
    _uncover(model, held)
    held.graft.release(held.place.position)
    if held.original is None and not held.graft.places:
        delattr(held.layer, CHILD)


def attach_all(
    model: nn.Module,
    places: Sequence[Place],
    example: tuple[tuple[int, ...], ...],
    make: Callable[[Place], Sequence[nn.Module]],
) -> list[Held]:
    """Attach what ``make`` returns at every place; on an error, all comes off again."""
    held: list[Held] = []
    try:
        for place in places:
            held.append(_attach(model, place, make(place), example))  # noqa: PERF401
    except BaseException:
        detach_all(model, held)
        raise
    return held


def detach_all(model: nn.Module, held: Sequence[Held]) -> None:
    """Take off what layers hold; what was put on last goes first."""
    for each in reversed(held):
        _detach(model, each)


def held_by(model: nn.Module) -> list[Held]:
    """Return all that the layers of a host hold, in the order of the host."""
    found = []
    for path, layer in model.named_modules():
        graft = graft_of(layer)
        if graft is None:
            continue
        for position, place in graft.places.items():
            names = path.split(".")
            site = ".".join(names[: len(names) - graft.steps[position]])
            # the site of a part that is asked by itself may be that part as a whole
            here = place.model_copy(update={"path": site or path})
            found.append(Held(path, layer, graft, here))
    return found


@contextmanager
def originals_in_place(model: nn.Module) -> Iterator[list[Held]]:
    """Put the layers that were replaced back into a host for a while.

    Yields:
        What stands in their places at all other times. What is taken out of this list
        stays out of the host.
    """
    replaced = [each for each in held_by(model) if each.original is not None]
    for each in replaced:
        _uncover(model, each)
    try:
        yield replaced
    finally:
        for each in replaced:
            _exchange(model, each.path, each.layer)
            _count(model, each.path, _size(each.modules))


def _uncover(model: nn.Module, held: Held) -> None:
    """Put the layer that was replaced back, if any was."""
    _count(model, held.path, -_size(held.modules))
    original = held.original
    if original is None:
        return
    # it was no part of the host when that changed its mode
    if original.training != held.layer.training:
        original.train(held.layer.training)
    _exchange(model, held.path, original)


def _exchange(model: nn.Module, path: str, module: nn.Module) -> None:
    parent, _, name = path.rpartition(".")
    # it stands where the other stood, so the order of its neighbours stays
    setattr(model.get_submodule(parent), name, module)


def _size(modules: nn.ModuleList) -> int:
    return sum(parameter.numel() for parameter in modules.parameters())


def _count(model: nn.Module, path: str, parameters: int) -> None:
    """Add to the number of parameters that Ultralytics writes on its layers."""
    steps = path.split(".")
    for end in range(1, len(steps) + 1):
        notes = vars(model.get_submodule(".".join(steps[:end])))
        if "np" in notes and "i" in notes and "f" in notes:
            notes["np"] += parameters
