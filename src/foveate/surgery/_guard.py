"""Keep Ultralytics from dropping blocks without a word.

``YOLO(...).train()`` does not train the model that one holds: it makes another from the
YAML and copies the weights that fit, and so does loading a checkpoint into another
model: blocks are lost and nothing says so. ``predict()`` keeps the copy that it made
the first time, without the blocks that came later. Nothing that a model could hold is
called on that way, so the methods that begin it are wrapped, once, as soon as a block
is held in a process where Ultralytics is loaded. For models without blocks they are
what they were.
"""

from __future__ import annotations

import functools
import sys
import weakref
from collections.abc import Callable, MutableMapping, Sequence
from typing import Any

from torch import nn

from foveate import _checks
from foveate.errors import SiteError

__all__ = ["watch"]

GUARDED = "foveate_guarded"
"""What marks a method that is wrapped already."""

CHILD = "foveate"
"""The name under which a layer holds its blocks."""

SEEN: MutableMapping[Any, list[weakref.ref[nn.Module]]] = weakref.WeakKeyDictionary()
"""By ``YOLO``, what its model held of ours when it predicted last."""


def watch(blocks_in: Callable[[nn.Module], Sequence[str]]) -> None:
    """Let Ultralytics, if it is loaded, refuse to drop blocks.

    Args:
        blocks_in: Returns in words what blocks a model has.
    """

    def blocks_of(model: Any) -> Sequence[str]:
        # an exported model is a path
        return blocks_in(model) if isinstance(model, nn.Module) else []

    for (module, name), checks in GUARDS.items():
        kind = getattr(sys.modules.get(module), name, None)
        for method_name, check in checks.items():
            method = getattr(kind, method_name, None)
            if method is not None and not hasattr(method, GUARDED):
                setattr(kind, method_name, _guarded(method, check, blocks_of))


def _guarded(
    method: Callable[..., Any],
    check: Callable[..., None],
    blocks_of: Callable[[Any], Sequence[str]],
) -> Callable[..., Any]:
    @functools.wraps(method)
    def guarded(self: Any, *args: Any, **keywords: Any) -> Any:
        check(blocks_of, self, *args, **keywords)
        return method(self, *args, **keywords)

    setattr(guarded, GUARDED, True)
    return guarded


def _check_train(
    blocks_of: Callable[[Any], Sequence[str]], yolo: Any, trainer: Any = None, **_: Any
) -> None:
    """Raise SiteError if ``trainer`` would drop the blocks of the model."""
    blocks = blocks_of(yolo.model)
    if not blocks or hasattr(trainer, "foveate_plan"):
        return
    base = trainer or _usual_trainer(yolo)
    home, name = base.__module__, getattr(base, "__name__", type(base).__name__)
    raise SiteError(
        f"{type(yolo).__name__}.train: the model has blocks ({_shown(blocks)}), and "
        f"{name} would make it anew from its YAML, without them. Give it a trainer "
        f"that keeps them: from {home} import {name}; "
        f"model.train(..., trainer=fv.surgery.ultralytics.trainer({name}, model)). "
        "To train without them, take them out: fv.prune(model.model)."
    )


def _check_tune(
    blocks_of: Callable[[Any], Sequence[str]], yolo: Any, *_: Any, **__: Any
) -> None:
    """Raise SiteError if the model has blocks: no way to tune keeps them."""
    blocks = blocks_of(yolo.model)
    if not blocks:
        return
    raise SiteError(
        f"{type(yolo).__name__}.tune: the model has blocks ({_shown(blocks)}), and "
        "tuning makes it anew from its YAML, without them, in processes that take no "
        "trainer. Tune the plain model, or call train for each setting with "
        "trainer=fv.surgery.ultralytics.trainer(...)."
    )


def _renew_predictor(
    _: Callable[[Any], Sequence[str]], yolo: Any, *__: Any, **___: Any
) -> None:
    """Let ``predict`` copy the model again if blocks have come or gone since."""
    # an exported model is a path
    model = yolo.model if isinstance(yolo.model, nn.Module) else nn.Identity()
    held = [
        weakref.ref(module)
        for name, module in model.named_modules()
        if CHILD in name.split(".")
    ]
    if held != SEEN.get(yolo, []):
        yolo.predictor = None
    SEEN[yolo] = held


def _usual_trainer(yolo: Any) -> Any:
    """Return the trainer that Ultralytics takes if none is given."""
    return yolo.task_map[yolo.task]["trainer"]


def _check_load(
    blocks_of: Callable[[Any], Sequence[str]],
    model: Any,
    weights: Any,
    *_: Any,
    **__: Any,
) -> None:
    """Raise SiteError if ``weights`` are of a model with blocks that ``model`` has not.

    A trainer that is used without a ``YOLO`` gets here too.
    """
    source = weights
    if isinstance(weights, dict):
        source = weights.get("ema") or weights.get("model")
    own = blocks_of(model)
    lost = [block for block in blocks_of(source) if block not in own]
    if lost:
        raise SiteError(
            f"{type(model).__name__}.load: the weights are of a model with blocks that "
            f"this one has not ({_shown(lost)}), and they would be dropped. To train "
            "them, give the trainer fv.surgery.ultralytics.trainer(...); else graft "
            "them to this model first, or take them out of the other: fv.prune."
        )


def _shown(blocks: Sequence[str]) -> str:
    return _checks.cut(blocks, most=3)


GUARDS: dict[tuple[str, str], dict[str, Callable[..., None]]] = {
    ("ultralytics.engine.model", "Model"): {
        "predict": _renew_predictor,
        "train": _check_train,
        "tune": _check_tune,
    },
    ("ultralytics.nn.tasks", "BaseModel"): {"load": _check_load},
}
"""By module and class, what is checked before a method."""
