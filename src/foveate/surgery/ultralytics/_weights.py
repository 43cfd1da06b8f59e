"""First weights for a model of Ultralytics with blocks."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from foveate import _checks
from foveate.errors import OptionError, WeightsError
from foveate.records import Plan
from foveate.surgery._attaching import held_by
from foveate.surgery._graft import CHILD
from foveate.surgery.grafting import planned, prune

__all__ = [
    "Weights",
    "WeightsLike",
    "host_of",
    "load_blocks",
    "load_fitting",
    "weights_of",
]

WeightsLike = str | Path | nn.Module | Mapping[str, Any]
"""A checkpoint of Ultralytics by its path, a model, or a state dict."""

State = Mapping[str, Tensor]


@dataclass(frozen=True)
class Weights:
    """Where the first weights of a model come from.

    Attributes:
        name: What messages call it.
        host: The tensors of the host.
        state: All tensors, those of blocks too.
        model: A model with these tensors and without blocks, if they came as a model.
        plan: The plan of its blocks, if it has any.
    """

    name: str
    host: State
    state: State
    model: nn.Module | None = None
    plan: Plan | None = None


def host_of(value: Any) -> nn.Module:
    """Return the network of Ultralytics in ``value``, which may be a ``YOLO``.

    Raises:
        OptionError: There is none.
    """
    for host in (value, getattr(value, "model", None)):
        if isinstance(host, nn.Module) and isinstance(vars(host).get("yaml"), dict):
            return host
    raise OptionError(
        "expected a model of Ultralytics, such as YOLO('yolo11n.yaml') or its .model, "
        f"got {type(value).__name__}."
    )


def weights_of(value: WeightsLike) -> Weights:
    """Return the weights in ``value``.

    Raises:
        OptionError: It holds none.
    """
    name = type(value).__name__
    if isinstance(value, str | Path):
        name, value = str(value), _loaded(str(value))
    if isinstance(value, Mapping):
        # a checkpoint holds the model itself
        value = value.get("ema") or value.get("model") or value
    if isinstance(value, Mapping):
        if not value or not all(isinstance(v, Tensor) for v in value.values()):
            raise OptionError(
                f"weights: expected a state dict of tensors, got a {name} of "
                f"{_checks.cut([str(key) for key in value], most=4) or 'nothing'}. "
                "Give the path of a .pt file, a model, or model.state_dict()."
            )
        return Weights("the state dict", value, value)
    model = host_of(value)
    plan = planned(model)
    plain = model
    if plan is not None:
        # Ultralytics copies parts of it by class, and would take the blocks along
        plain = deepcopy(model)
        prune(plain)
    return Weights(name, plain.state_dict(), model.state_dict(), plain, plan)


def load_fitting(model: nn.Module, weights: Weights) -> str:
    """Load what fits a host that has no blocks yet, and say how much that is.

    Raises:
        WeightsError: Nothing fits.
    """
    own = model.state_dict()
    fitting = _fitting(own, weights.host)
    if not fitting:
        raise WeightsError(
            f"none of the {len(weights.host)} tensors of {weights.name} has the name "
            f"and shape of one of {type(model).__name__}, which has {len(own)}: it has "
            f"{_checks.cut(list(weights.host), most=2)}, and the model "
            f"{_checks.cut(list(own), most=2)}. Give weights of the same architecture."
        )
    if weights.model is None:
        model.load_state_dict(fitting, strict=False)
    return f"{len(fitting)} of the host's {len(own)} tensors"


def load_blocks(model: nn.Module, state: State) -> str:
    """Load those blocks that ``state`` has, each whole or not at all, and say how many.

    Some tensors of one block may fit another: its weights would be in part its own.
    """
    held = held_by(model)
    loaded = 0
    for each in held:
        start = f"{each.path}.{CHILD}.{each.place.position}."
        theirs = {k[len(start) :]: v for k, v in state.items() if k.startswith(start)}
        own = each.modules.state_dict()
        if theirs.keys() == own.keys() and len(_fitting(own, theirs)) == len(own):
            each.modules.load_state_dict(theirs)
            loaded += 1
    return f"{loaded} of {len(held)} blocks"


def _fitting(own: State, theirs: State) -> dict[str, Tensor]:
    return {k: v for k, v in theirs.items() if k in own and own[k].shape == v.shape}


def _loaded(path: str) -> nn.Module:
    """Return the model in a checkpoint, as Ultralytics reads it."""
    tasks: Any = sys.modules["ultralytics.nn.tasks"]
    # its name before 8.3.200
    load = getattr(tasks, "load_checkpoint", None) or tasks.attempt_load_one_weight
    model: nn.Module = load(path)[0]
    return model
