"""Prove that a graft changes nothing but what it should."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import is_dataclass
from typing import Any

from torch import Tensor, nn

from foveate import _checks, _traces
from foveate.errors import FoveateError, SiteError
from foveate.records import Place, Plan
from foveate.surgery._attaching import Held, attach_all, detach_all
from foveate.surgery._graft import CHILD
from foveate.surgery._survey import Survey
from foveate.surgery.running import fresh, undisturbed

__all__ = ["prove_blocks", "prove_places", "unprovable"]


UNSTEADY = (
    "the host computes something else at each run, so it cannot be proven that a block "
    "changes nothing. Make it answer the same in evaluation: fix its random numbers, "
    "and what it keeps from run to run."
)

MOST_CHILDREN = 6
"""How many children a message names."""

IN_PLACE = (
    "a later layer changes this map in place, as with inplace=True, and the host reads "
    "it elsewhere too, which a block would come between. Let that layer make a new map "
    "(inplace=False), or graft to another."
)


class Probe(nn.Module):
    """Changes nothing, and counts how often it ran.

    Attributes:
        copies: Whether it returns a new map, as a block does, or the same.
        calls: How often it ran.
    """

    def __init__(self, *, copies: bool) -> None:
        super().__init__()
        self.copies = copies
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` or a copy of it."""
        self.calls += 1
        return x.clone() if self.copies else x


def prove_places(plan: Plan, seen: Survey) -> None:
    """Run the host with nothing in every place; it must compute what it did.

    A place in whose stead something stands cannot be proven so: it is run, that is all.

    Raises:
        SiteError: The output has changed, or a place was not run once; the host is as
            it was.
    """
    for path, reason in unprovable(plan.places, seen).items():
        raise SiteError(f"{path}: {reason}")


def unprovable(places: Sequence[Place], seen: Survey) -> dict[str, str]:
    """Return the paths of the places that cannot be proven, each with the reason.

    Raises:
        SiteError: The host computes something else at each run.
    """
    places = [place for place in places if place.position != "replace"]
    if not places or _changed(places, seen) is None:
        return {}
    if not _same(_run(seen), seen.output):
        raise SiteError(UNSTEADY)
    # each alone, to find those that it is
    reasons = {place.path: _changed([place], seen) for place in places}
    found = {path: reason for path, reason in reasons.items() if reason is not None}
    paths = _checks.cut([place.path for place in places])
    together = (
        "each alone can have a block, but not all at once. Graft to fewer of them."
    )
    return found or {paths: together}


def prove_blocks(held: Sequence[Held], seen: Survey) -> None:
    """Run the host with its blocks; what starts as the identity must be one.

    Raises:
        SiteError: A block does not run, or does not start as it should; the message
            begins with the site.
    """
    wrong: list[str] = []
    ran: list[nn.Module] = []
    handles = [
        module.register_forward_hook(_watch(each.place, wrong, ran))
        for each in held
        for module in each.modules
    ]
    try:
        output = _run(seen)
    except Exception as problem:
        raise SiteError(wrong[0] if wrong else _broken(held, problem)) from problem
    finally:
        for handle in handles:
            handle.remove()
    wrong += [_missed(h.place, ran.count(m)) for h in held for m in h.modules]
    if any(wrong):
        raise SiteError(next(filter(None, wrong)))
    exact = all(
        h.place.start != "paper" and h.place.position != "replace" for h in held
    )
    if exact and not _same(output, seen.output):
        raise SiteError(UNSTEADY)


def _broken(held: Sequence[Held], problem: Exception) -> str:
    """Return that a host does not run with its blocks, and what may help."""
    ours = isinstance(problem, FoveateError)
    said = str(problem) if ours else f"{_traces.seen(problem)}."
    replaced = [h.place.path for h in held if h.place.position == "replace"]
    cure = (
        f" The host may need more of {_checks.cut(replaced)} than its answer: graft "
        "after it instead."
    )
    return f"with its blocks the host does not run: {said}{cure if replaced else ''}"


def _missed(place: Place, calls: int) -> str:
    """Return what is amiss with a block that ran so often; nothing if it ran once."""
    if calls == 1:
        return ""
    return (
        f"{place.path}: the host does not reach this layer by its name only, so what "
        f"stands in its place ran {calls} times. Graft after it instead."
    )


def _changed(
    places: Sequence[Place], seen: Survey, *, copies: bool = True
) -> str | None:
    """Return what is amiss with nothing at ``places``; None if nothing is."""
    probes: list[Probe] = []

    def new_probes(place: Place) -> list[Probe]:
        new = [Probe(copies=copies) for _ in place.maps]
        probes.extend(new)
        return new

    held = attach_all(seen.model, places, (), new_probes)
    try:
        output = _run(seen)
    except FoveateError:
        return _cure(held)
    except Exception as problem:  # noqa: BLE001 - the host may raise anything
        return f"{_cure(held)} Seen: {_traces.seen(problem)}."
    finally:
        detach_all(seen.model, held)
    for probe in probes:
        if probe.calls != 1:
            return f"{_cure(held)} Seen: the block ran {probe.calls} times."
    if _same(output, seen.output):
        return None
    if copies and _changed(places, seen, copies=False) is None:
        return IN_PLACE
    return f"{_cure(held)} Seen: the host's output changes."


def _cure(held: Sequence[Held]) -> str:
    layer = held[0].layer
    names = [name for name, _ in layer.named_children()]
    children = [f"{held[0].path}.{name}" for name in names if name != CHILD]
    if held[0].place.position == "after" and len(children) > MOST_CHILDREN:
        # of many, those that are nearest to what the layer returns
        children.reverse()
    known = f"one of them: {_checks.cut(children, most=MOST_CHILDREN)}"
    advice = known if children else "another layer"
    return (
        f"{type(layer).__name__} does something with each of its children, so a block "
        f"cannot be one of them. Graft to {advice}."
    )


def _watch(
    place: Place, wrong: list[str], ran: list[nn.Module]
) -> Callable[[Any, Any, Any], None]:
    """Return a hook that notes in ``wrong`` what a block does not keep."""

    def check(module: nn.Module, args: tuple[Tensor], output: Any) -> None:
        (x,) = args
        ran.append(module)
        if not isinstance(output, Tensor) or output.shape != x.shape:
            wrong.append(
                f"{place.path}: {place.block} must return the shape that it gets, "
                f"{tuple(x.shape)}."
            )
        elif place.start != "paper" and not _same(output, x):
            finite = "its own output" if x.isfinite().all() else "the map that it gets"
            wrong.append(
                f"{place.path}: {place.block} does not start as the identity with "
                f"start={place.start!r}: {finite} is not finite there. Use another "
                "block or another layer, or start='paper' to have it all the same."
            )

    return check


def _run(seen: Survey) -> Any:
    args, keywords = fresh(seen.inputs)
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
    if is_dataclass(one) and type(one) is type(other):
        return _same(vars(one), vars(other))
    return True
