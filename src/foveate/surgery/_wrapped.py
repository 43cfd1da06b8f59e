"""The host within its wrappers, and the plan that it must have."""

from __future__ import annotations

from torch import nn

from foveate.errors import OptionError, SiteError
from foveate.records import Plan
from foveate.surgery.grafting import planned

__all__ = ["plan_of", "unwrapped"]


def unwrapped(model: nn.Module) -> nn.Module:
    """Return the network within DataParallel, DDP or ``torch.compile``.

    Raises:
        OptionError: It is no module.
    """
    if not isinstance(model, nn.Module):
        raise OptionError(
            f"expected a host, a torch.nn.Module, got {model!r} "
            f"({type(model).__name__})."
        )
    if isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
        return unwrapped(model.module)
    # what torch.compile returns
    inner = model._modules.get("_orig_mod")  # noqa: SLF001
    return model if inner is None else unwrapped(inner)


def plan_of(model: nn.Module, caller: str) -> Plan:
    """Return the plan of the blocks that a host has.

    Raises:
        SiteError: It has none.
    """
    plan = planned(model)
    if plan is None:
        raise SiteError(
            f"{caller}: {type(model).__name__} has no grafts. Graft first: "
            "fv.graft(model, block, at=..., example=...)."
        )
    return plan
