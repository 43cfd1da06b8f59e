"""Prove that a graft changes nothing but what it should."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from foveate import _checks, _traces
from foveate.errors import FoveateError, SiteError
from foveate.records import Place, Plan
from foveate.surgery._attaching import Held, attach_all, detach_all
from foveate.surgery._graft import CHILD
from foveate.surgery._survey import Survey
from foveate.surgery.running import undisturbed

__all__ = ["prove_blocks", "prove_places"]


class Probe(nn.Module):
    """Does nothing, and counts how often."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x``."""
        self.calls += 1
        return x


def prove_places(plan: Plan, seen: Survey) -> None:
    """Run the host with nothing in every place; it must compute what it did.

    A place in whose stead something stands cannot be proven so: it is run, that is all.

    Raises:
        SiteError: The output has changed, or a place was not run once; the host is as
            it was.
    """
    places = [place for place in plan.places if place.position != "replace"]
    if _changed(places, seen) is None:
        return
    # each alone, to find the one
    for place in places:
        reason = _changed([place], seen)
        if reason is not None:
            raise SiteError(f"{place.path}: {reason}")
    raise SiteError(
        f"{_checks.cut([place.path for place in places])}: each alone can have a "
        "block, but not all at once. Graft to fewer of them."
    )


def prove_blocks(held: Sequence[Held], seen: Survey) -> None:
    """Run the host with its blocks; what starts as the identity must be one.

    Raises:
        SiteError: A block does not run, or does not start as it should; the message
            begins with the site.
    """
    wrong: list[str] = []
    handles = []
    for each in held:
        for module in each.modules:
            hook = _watch(each.place, wrong)
            handles.append(module.register_forward_hook(hook))
    try:
        output = _run(seen)
    except FoveateError as problem:
        raise SiteError(
            f"with its blocks the host does not run: {problem}"
        ) from problem
    finally:
        for handle in handles:
            handle.remove()
    if wrong:
        raise SiteError(wrong[0])
    exact = all(
        h.place.start != "paper" and h.place.position != "replace" for h in held
    )
    if exact and not _same(output, seen.output):
        raise SiteError(
            "each block starts as the identity, and yet the host's output is not what "
            "it was: the host computes something else at each run. Put it into "
            "evaluation mode, or make it deterministic."
        )


def _changed(places: Sequence[Place], seen: Survey) -> str | None:
    """Return what is amiss with nothing at ``places``; None if nothing is."""
    probes: list[Probe] = []

    def new_probes(place: Place) -> list[Probe]:
        new = [Probe() for _ in place.maps]
        probes.extend(new)
        return new

    held = attach_all(seen.model, places, (), new_probes)
    try:
        output = _run(seen)
    except Exception as problem:  # noqa: BLE001 - the host may raise anything
        return f"{_cure(held)} Seen: {_traces.seen(problem)}."
    finally:
        detach_all(seen.model, held)
    for probe in probes:
        if probe.calls != 1:
            return f"{_cure(held)} Seen: the block ran {probe.calls} times."
    return None if _same(output, seen.output) else f"{_cure(held)} Its output changes."


def _cure(held: Sequence[Held]) -> str:
    layer = held[0].layer
    names = [name for name, _ in layer.named_children()]
    children = [f"{held[0].path}.{name}" for name in names if name != CHILD]
    advice = f"one of them: {_checks.cut(children, most=6)}" if children else "another"
    return (
        f"{type(layer).__name__} does something with each of its children, so a block "
        f"cannot be one of them. Graft to {advice}."
    )


def _watch(place: Place, wrong: list[str]) -> Callable[[Any, Any, Any], None]:
    """Return a hook that notes in ``wrong`` what a block does not keep."""

    def check(_: nn.Module, args: tuple[Tensor], output: Any) -> None:
        (x,) = args
        if not isinstance(output, Tensor) or output.shape != x.shape:
            wrong.append(
                f"{place.path}: {place.block} must return the shape that it gets, "
                f"{tuple(x.shape)}."
            )
        elif place.start != "paper" and not _same(output, x):
            wrong.append(
                f"{place.path}: {place.block} does not start as the identity with "
                f"start={place.start!r}: its own output is not finite there. Use "
                "start='paper' to see it, or another block."
            )

    return check


def _run(seen: Survey) -> Any:
    args, keywords = seen.inputs
    with undisturbed(seen.model):
        return seen.model(*args, **keywords)


def _same(one: Any, other: Any) -> bool:
    """Return whether two structures hold the same tensors, to the bit."""
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        if one.shape != other.shape or one.dtype != other.dtype:
            return False
        # nothing to compare without memory
        return one.is_meta or bool(
            ((one == other) | (one.isnan() & other.isnan())).all()
        )
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return True
