"""When arithmetic may stand for the call of a layer."""

from __future__ import annotations

from torch import nn

__all__ = ["why_not_plain"]

HOOKS = ("forward", "forward_pre", "backward", "backward_pre")


def why_not_plain(layer: nn.Module, kind: type[nn.Module]) -> str | None:
    """Return why nothing may stand for a call of ``layer``, or None.

    A layer of a class of its own may do something else, such as share its statistics
    with other processes, and its hooks want to see it called.
    """
    if type(layer) is not kind:
        return f"takes the place of an nn.{kind.__name__}, got {type(layer).__name__}"
    if any(getattr(layer, f"_{hooks}_hooks") for hooks in HOOKS):
        return f"the hooks of the {kind.__name__} want to see it called"
    return None
