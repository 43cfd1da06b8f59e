"""Whether hooks reach the layers of a host."""

from __future__ import annotations

from itertools import chain

import torch
from torch import nn

from foveate.errors import SiteError

__all__ = ["check_host"]


def check_host(model: nn.Module) -> None:
    """Raise SiteError if hooks do not reach the layers of ``model``."""
    kind = type(model).__name__
    if isinstance(model, nn.DataParallel):
        raise SiteError(_wrapped("the host", kind))
    for path, module in model.named_modules():
        what = f"the host's layer {path}" if path else "the host"
        reason = _unreachable(module, what)
        if reason is not None:
            raise SiteError(reason)
    if hasattr(model, "predictor") and isinstance(
        getattr(model, "model", None), nn.Module
    ):
        raise SiteError(
            f"{kind} wraps the network. Give the network itself: {kind.lower()}.model."
        )


def _unreachable(module: nn.Module, what: str) -> str | None:
    """Return why hooks do not reach into a module; None if they do."""
    kind = type(module).__name__
    compiled = "_orig_mod" in module._modules  # noqa: SLF001
    if compiled or isinstance(module, nn.parallel.DistributedDataParallel):
        return _wrapped(what, kind)
    if getattr(module, "_compiled_call_impl", None) is not None:
        return (
            f"{what} was compiled in place (model.compile()), which would not notice "
            "a block that comes later. Graft first, then compile."
        )
    if isinstance(module, torch.jit.ScriptModule):
        return (
            f"{what} is TorchScript, which takes no hooks. Graft to the Python model, "
            "and export that with torch.export or to ONNX."
        )
    own = chain(module.parameters(recurse=False), module.buffers(recurse=False))
    if any(nn.parameter.is_lazy(tensor) for tensor in own):
        return (
            f"{what} ({kind}) does not know its channels before it has run. Call the "
            "host once with an input, then graft."
        )
    return None


def _wrapped(what: str, kind: str) -> str:
    return (
        f"{what} is wrapped in {kind}, which would not notice a block that comes "
        "later. Graft to the model inside first, then wrap or compile it."
    )
