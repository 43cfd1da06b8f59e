"""Save a host with its blocks to one file, and load it again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from foveate import _checks
from foveate.errors import OptionError, WeightsError
from foveate.records import Plan
from foveate.surgery._attaching import held_by
from foveate.surgery._weights_file import read_file, write_file
from foveate.surgery._wrapped import plan_of, unwrapped
from foveate.surgery.grafting import graft, planned, prune
from foveate.surgery.host_weights import refuse_meta, shapes
from foveate.surgery.running import Example

__all__ = ["load", "save"]

ENDING = ".safetensors"

REPLACED = "foveate.replaced:"
"""What the keys of a layer begin with that a block stands in the place of."""


def save(model: nn.Module, path: str | Path) -> Path:
    """Write a host with its blocks to one file, from which ``load`` rebuilds it.

    It is a safetensors file: tensors and text, and no code is run to read it. All
    tensors stand under their own keys, tied ones under each of theirs. Layers that were
    replaced are kept too, so that ``prune`` works after loading as before. The plan is
    in the header.

    Args:
        model: A host with blocks; DDP and ``torch.compile`` around it are left out.
        path: The file, which ends in ``.safetensors``. It is written whole or not at
            all; one that is there is replaced.

    Returns:
        The path.

    Raises:
        SiteError: The host has no blocks.
        WeightsError: A tensor has no values (meta device) or is sparse, or the state
            dict holds what is no tensor.
        OptionError: The path has another ending.

    Example:
        >>> import tempfile
        >>> import foveate as fv
        >>> host, plain = (fv.backbones.resnet10(width=16) for _ in range(2))
        >>> _ = fv.graft(host, "cbam", at="layer4", example=(1, 3, 32, 32))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = save(host, f"{folder}/last.safetensors")
        ...     print(load(plain, file).places[0].path)
        layer4
    """
    path = Path(path)
    if path.suffix != ENDING:
        raise OptionError(
            f"save: the file is one of safetensors, so its name ends in {ENDING}, got "
            f"{path.name!r}. Try {path.with_suffix(ENDING).name!r}."
        )
    model = unwrapped(model)
    plan = plan_of(model, "save")
    write_file(path, plan, _everything(model))
    return path


def load(
    model: nn.Module,
    path: str | Path,
    *,
    example: Example = None,
    trust_code: bool = False,
) -> Plan:
    """Load what ``save`` wrote: the blocks and all weights, strictly.

    Args:
        model: A plain host of the same architecture, to which the plan of the file is
            grafted; or one that has these very blocks already. Types and devices of
            its tensors are kept, and torch's random numbers.
        path: The file.
        example: What the host is run with to graft; None: the shapes in the plan. Give
            it for a host that takes more than tensors of floating point.
        trust_code: Whether blocks that are not of the catalogue may be imported by the
            names that the file has for them, which runs their code.

    Returns:
        The plan.

    Raises:
        WeightsError: The file is none of ``save``, or does not fit: what is missing,
            unexpected or of another shape is named. The host is left as it was.
        SiteError: The plan does not fit the host.
        OptionError: The host does not run with the example.
        RecordError: The plan in the file cannot be read.
    """
    path = Path(path)
    inner = unwrapped(model)
    plan, tensors = read_file(path)
    refuse_meta(type(inner).__name__, inner.state_dict())
    there = planned(inner)
    if there is None:
        _refuse_code(path, plan, trusted=trust_code)
        # all that is drawn now is written over
        with torch.random.fork_rng(devices=[]):
            # not the inner one: what is wrapped or compiled would not notice
            graft(model, plan, example=example)
    elif _essence(there) != _essence(plan):
        raise WeightsError(
            f"{path.name}: has other blocks than {type(inner).__name__}: "
            f"{_difference(there, plan)}. Load it into a plain host, or prune this one "
            "first: fv.prune(model)."
        )
    try:
        _fill(inner, path, tensors)
    except BaseException:
        if there is None:
            prune(inner)
        raise
    return plan


def _everything(model: nn.Module) -> dict[str, Any]:
    """Return the state of a host with its blocks, and of what they replaced."""
    state = dict(model.state_dict())
    for held in held_by(model):
        if held.original is not None:
            state |= held.original.state_dict(prefix=f"{REPLACED}{held.path}.")
    return state


def _fill(model: nn.Module, path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Copy all tensors of a file into a host with its blocks, or none."""
    misfits = _checks.misfits(shapes(_everything(model)), shapes(tensors))
    if misfits:
        raise WeightsError(
            f"{path.name}: its weights do not fit {type(model).__name__}. {misfits}"
        )
    model.load_state_dict(_under("", tensors))
    for held in held_by(model):
        if held.original is not None:
            held.original.load_state_dict(_under(f"{REPLACED}{held.path}.", tensors))


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return what stands under a prefix; without one, all that was not replaced."""
    return {
        key.removeprefix(prefix): value
        for key, value in tensors.items()
        if key.startswith(prefix) and (prefix or not key.startswith(REPLACED))
    }


def _refuse_code(path: Path, plan: Plan, *, trusted: bool) -> None:
    """Raise WeightsError if a file names code to run and is not trusted."""
    names = sorted({place.block for place in plan.places if not place.is_ours})
    if names and not trusted:
        raise WeightsError(
            f"{path.name}: has blocks that are not of the catalogue "
            f"({_checks.cut(names)}), and importing them runs their code. Where you "
            "trust the file: fv.load(model, path, trust_code=True)."
        )


def _essence(plan: Plan) -> dict[tuple[str, str], tuple[Any, ...]]:
    """Return what makes the blocks of a plan what they are, by their places."""
    return {
        (place.position, place.path): (
            place.block,
            place.options,
            place.start,
            [shape.channels for shape in place.maps],
        )
        for place in plan.places
    }


def _difference(there: Plan, plan: Plan) -> str:
    """Return the first place where two plans differ, for a message."""
    host, file = _essence(there), _essence(plan)
    place = next(p for p in {**file, **host} if file.get(p) != host.get(p))
    theirs, ours = (
        f"{plan[place][0]} {plan[place][1] or ''}".strip() if place in plan else "none"
        for plan in (file, host)
    )
    return f"{' '.join(place)} is {theirs} in the file and {ours} in the host"
