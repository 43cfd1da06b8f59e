"""Keep Ultralytics from dropping blocks without a word.

``YOLO(...).train()`` does not train the model that one holds: it makes another from the
YAML and copies the weights that fit, so blocks are lost and nothing says so. Nothing
that a model could hold is called on that way, so the methods that begin it are wrapped,
once, as soon as a block is held in a process where Ultralytics is loaded. For models
without blocks they are what they were.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from typing import Any

from torch import nn

from foveate import _checks
from foveate.errors import SiteError

__all__ = ["watch"]

GUARDED = "foveate_guarded"
"""What marks a method that is wrapped already."""


def watch(blocks_in: Callable[[nn.Module], Sequence[str]]) -> None:
    """Let Ultralytics, if it is loaded, refuse to drop blocks.

    Args:
        blocks_in: Returns in words what blocks a model has.
    """
    module = sys.modules.get("ultralytics.engine.model")
    model = getattr(module, "Model", None)
    for name, check in (("train", _check_train), ("tune", _check_tune)):
        method = getattr(model, name, None)
        if method is not None and not hasattr(method, GUARDED):
            setattr(model, name, _guarded(method, check, blocks_in))


def _guarded(
    method: Callable[..., Any],
    check: Callable[..., None],
    blocks_in: Callable[[nn.Module], Sequence[str]],
) -> Callable[..., Any]:
    @functools.wraps(method)
    def guarded(self: Any, *args: Any, **keywords: Any) -> Any:
        # an exported model is a path
        found = blocks_in(self.model) if isinstance(self.model, nn.Module) else []
        if found:
            check(self, _checks.cut(found, most=3), *args, **keywords)
        return method(self, *args, **keywords)

    setattr(guarded, GUARDED, True)
    return guarded


def _check_train(yolo: Any, blocks: str, trainer: Any = None, **_: Any) -> None:
    """Raise SiteError if ``trainer`` would drop the blocks of the model."""
    if hasattr(trainer, "foveate_plan"):
        return
    base = trainer or _usual_trainer(yolo)
    home, name = base.__module__, getattr(base, "__name__", type(base).__name__)
    raise SiteError(
        f"{type(yolo).__name__}.train: the model has blocks ({blocks}), and {name} "
        "would make it anew from its YAML, without them. Give it a trainer that keeps "
        f"them: from {home} import {name}; "
        f"model.train(..., trainer=fv.surgery.ultralytics.trainer({name}, model)). "
        "To train without them, take them out: fv.prune(model.model)."
    )


def _check_tune(yolo: Any, blocks: str, *_: Any, **__: Any) -> None:
    """Raise SiteError: no way to tune keeps blocks."""
    raise SiteError(
        f"{type(yolo).__name__}.tune: the model has blocks ({blocks}), and tuning "
        "makes it anew from its YAML, without them, in processes that take no "
        "trainer. Tune the plain model, or call train for each setting with "
        "trainer=fv.surgery.ultralytics.trainer(...)."
    )


def _usual_trainer(yolo: Any) -> Any:
    """Return the trainer that Ultralytics takes if none is given."""
    return yolo.task_map[yolo.task]["trainer"]
