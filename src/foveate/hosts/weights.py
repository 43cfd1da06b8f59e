"""Load a file of weights into a network, in full or not at all."""

from __future__ import annotations

import pickle
import re
from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from foveate import _checks, _traces
from foveate.errors import WeightsError
from foveate.surgery.host_weights import has_blocks, refuse_meta, shapes

__all__ = ["load_weights"]

PARTS = ("state_dict", "model", "model_state_dict", "ema")
"""Where checkpoints keep the state dict, in the order in which it is looked for."""

WRAPPERS = ("module.", "_orig_mod.")
"""What DataParallel and torch.compile put before every key."""

COUNTER = "num_batches_tracked"
CODE = re.compile(r"Unsupported (?:global: GLOBAL|class) (\S+)")

State = dict[str, Tensor]


def load_weights(
    model: nn.Module, path: str | Path, *, prefix: str = "", skip: Collection[str] = ()
) -> None:
    """Copy the weights of a file into a network, all of them under their own names.

    A file that ends in ``.safetensors`` is read as such, any other as ``torch.save``
    writes it, without running code. It holds a state dict, or a dict with one as its
    ``state_dict``, ``model``, ``model_state_dict`` or ``ema``: the first of these. A
    ``module.`` or ``_orig_mod.`` before every key is left out.

    Args:
        model: The network; types and devices of its tensors are kept.
        path: The file.
        prefix: What the keys to load begin with, such as ``model.``; others are then
            ignored.
        skip: Layers, or globs over keys, that keep the weights that they have, such as
            ``fc``, a head for other classes.

    Raises:
        WeightsError: The file cannot be read without running code, its keys are
            missing, unexpected or of another shape, a value is not finite, or nothing
            is called as ``skip`` says. The network is left as it was.

    Example:
        >>> import tempfile
        >>> from foveate import backbones
        >>> model = backbones.resnet10(width=16)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     torch.save({"state_dict": model.state_dict()}, f"{folder}/last.pt")
        ...     load_weights(model, f"{folder}/last.pt")
    """
    if isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
        model = model.module
    path = Path(path)
    state = _plain(_under(prefix, _state_in(path), path))
    own = model.state_dict()
    # those that came with old versions of torch have no counts of batches
    counts = {key: own[key] for key in own if key.rpartition(".")[2] == COUNTER}
    state = {**counts, **state}
    left = _skipped(model, own, skip)
    kept = {key: own[key] for key in own if key in left}
    state = {**{key: state[key] for key in state if not _is_meant(key, skip)}, **kept}
    _refuse_misfits(f"{path.name}: its weights do not fit {_name(model)}.", own, state)
    refuse_meta(_name(model), own)
    broken = [key for key, value in state.items() if not value.isfinite().all()]
    if broken:
        raise WeightsError(
            f"{path.name}: holds what is not finite (NaN or infinity) in "
            f"{_checks.cut(broken)}, as a training that went wrong leaves it. Take an "
            "earlier checkpoint."
        )
    model.load_state_dict(state)


def _skipped(model: nn.Module, own: State, skip: Collection[str]) -> set[str]:
    """Return the keys of a network that are not loaded."""
    for pattern in skip:
        if not any(_is_meant(key, [pattern]) for key in own):
            raise WeightsError(
                f"{_name(model)}: no weight is called {pattern!r}, which is to be "
                f"skipped. {_checks.suggest(pattern, _layers(own))}"
            )
    return {key for key in own if _is_meant(key, skip)}


def _is_meant(key: str, patterns: Collection[str]) -> bool:
    """Return whether a pattern is that of a key, or of a layer above it."""
    return any(
        fnmatchcase(key, pattern) or fnmatchcase(key, f"{pattern}.*")
        for pattern in patterns
    )


def _layers(own: State) -> list[str]:
    return list(dict.fromkeys(key.rpartition(".")[0] for key in own))


def _name(model: nn.Module) -> str:
    return type(model).__name__


def _state_in(path: Path) -> State:
    """Return the state dict in a file."""
    if not path.is_file():
        raise WeightsError(f"no file {path}.")
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    found = _read_pickle(path)
    if _is_state(found):
        return dict(found)
    if isinstance(found, Mapping):
        for part in PARTS:
            if _is_state(found.get(part)):
                return dict(found[part])
        names = _checks.cut([repr(key) for key in found])
        held = f"a dict of {names}" if names else "an empty dict"
    else:
        held = f"a {type(found).__name__}"
    raise WeightsError(
        f"{path.name}: holds no state dict but {held}. Save it with "
        "torch.save(model.state_dict(), path)."
    )


def _is_state(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and bool(value)
        and all(isinstance(tensor, Tensor) for tensor in value.values())
    )


def _read_safetensors(path: Path) -> State:
    try:
        return safetensors.torch.load_file(path)
    except safetensors.SafetensorError as problem:
        raise _unreadable(path, problem) from problem


def _read_pickle(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as problem:
        code = CODE.search(str(problem))
        if code is None:
            raise _unreadable(path, problem) from problem
        raise WeightsError(
            f"{path.name}: needs code to be read ({code[1]}), which could do anything, "
            "so it is not loaded. Where you trust it, write its tensors alone: "
            "torch.save(model.state_dict(), path)."
        ) from None
    # what is no file of torch's raises whatever its first bytes lead to
    except Exception as problem:
        raise _unreadable(path, problem) from problem


def _unreadable(path: Path, problem: Exception) -> WeightsError:
    says = _traces.in_one_line(problem).partition(". ")[0].removesuffix(".")
    return WeightsError(
        f"{path.name}: cannot be read as weights ({says}). It may be cut short, or be "
        "no file of safetensors or torch.save: fetch or write it again."
    )


def _plain(state: State) -> State:
    """Return a state dict without what wrappers put before every key."""
    for wrapper in WRAPPERS * 2:
        if all(key.startswith(wrapper) for key in state):
            state = {key.removeprefix(wrapper): value for key, value in state.items()}
    return state


def _under(prefix: str, state: State, path: Path) -> State:
    """Return what stands under a prefix, which may come after that of a wrapper."""
    for keys in (state, _plain(state)):
        found = {key: keys[key] for key in keys if key.startswith(prefix)}
        if found:
            return {key.removeprefix(prefix): found[key] for key in found}
    raise WeightsError(
        f"{path.name}: no key begins with {prefix!r}. The keys are "
        f"{_checks.cut(list(state))}."
    )


def _refuse_misfits(says: str, own: Mapping[str, Any], state: State) -> None:
    """Raise WeightsError unless keys and shapes are the same."""
    misfits = _checks.misfits(shapes(own), shapes(state))
    if misfits:
        where = _where(own, state) if own.keys() - state.keys() else ""
        if has_blocks(state):
            where = (
                "It is of a network with blocks. Write a file of its host alone: "
                "torch.save(fv.surgery.host_state_dict(model), path)."
            )
        raise WeightsError(" ".join(part for part in (says, misfits, where) if part))


def _where(own: Mapping[str, Any], state: State) -> str:
    """Return under which prefix every key stands, for a message."""
    first = next(iter(own))
    prefixes = [key.removesuffix(first) for key in state if key.endswith(f".{first}")]
    for prefix in prefixes:
        if all(f"{prefix}{key}" in state for key in own):
            return f"They stand under prefix={prefix!r}."
    return ""
