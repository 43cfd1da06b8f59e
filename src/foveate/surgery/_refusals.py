"""Why a block cannot go to a place, in one clear sentence and what would work."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import signature

from torch import nn

from foveate import _checks
from foveate.records import Position
from foveate.surgery._graft import CHILD, graft_of
from foveate.surgery._maps import no_map
from foveate.surgery._merging import runs_when_merged
from foveate.surgery._survey import Layer, Survey, is_convolution, is_norm

__all__ = ["carrier_of", "refusal"]

REWRITING = ("reparameterize", "switch_to_deploy")
"""Methods by which a layer exchanges all that it is made of."""

FUSING = ("forward_fuse", "fuse", "fuse_convs", *REWRITING)
"""Methods by which a layer rewrites its own children."""


def refusal(survey: Survey, path: str, position: Position) -> str | None:
    """Return why a block cannot go to ``position`` of a layer; None if it can."""
    layer = survey.layers.get(path)
    if layer is None:
        return _idle(survey, path)
    reason = no_map(survey, layer, position) or _repeated(layer)
    if reason is None and position == "replace":
        reason = _not_replaceable(layer)
    carrier = carrier_of(survey.model, path, position)
    if reason is not None or carrier is None:
        return reason or "is an empty sequence, so there is nothing to graft to."
    if carrier != path:
        reason = refusal(survey, carrier, position)
        step = "last" if position == "after" else "first"
        return reason and f"its {step} step {carrier} cannot have a block: {reason}"
    return (
        _container(layer)
        or _fused(survey, layer)
        or _between(layer, position)
        or _taken(layer, position)
    )


def carrier_of(model: nn.Module, path: str, position: Position) -> str | None:
    """Return the layer that holds a block for ``path``; None if there is none.

    A child of a sequence would run as one more step, so its last step holds what comes
    after it, and its first step what comes before.
    """
    module = model.get_submodule(path)
    while position != "replace" and _is_sequence(module):
        names = [name for name, _ in module.named_children() if name != CHILD]
        if not names:
            return None
        step = names[-1] if position == "after" else names[0]
        path, module = f"{path}.{step}", module.get_submodule(step)
    return path


def _is_sequence(module: nn.Module) -> bool:
    return type(module).forward is nn.Sequential.forward


def _idle(survey: Survey, path: str) -> str:
    near = [name for name in survey.layers if name.startswith(f"{path}.")]
    hint = f" Layers within it that do: {_checks.cut(near, most=4)}." if near else ""
    return (
        "does not run when the host does (the host may use its weights or children by "
        f"itself), so a block there never would.{hint}"
    )


def _repeated(layer: Layer) -> str | None:
    if layer.calls == 1:
        return None
    return (
        f"runs {layer.calls} times in one pass of the host, so its block would too. "
        "Choose the layer that holds it, or one beside it."
    )


def _not_replaceable(layer: Layer) -> str | None:
    if layer.inputs == layer.outputs and len(layer.outputs) == 1 and not layer.extra:
        return None
    return (
        f"makes {_shapes(layer.outputs) or layer.returned} of {_shapes(layer.inputs)}; "
        "only a layer that takes one map and returns one of the same shape can be "
        "replaced. Graft after it instead."
    )


def _shapes(shapes: Sequence[Sequence[int]]) -> str:
    return " and ".join(str(tuple(shape)) for shape in shapes)


def _container(layer: Layer) -> str | None:
    module = layer.module
    if not isinstance(module, nn.Sequential | nn.ModuleList | nn.ModuleDict):
        return None
    if _is_sequence(module):
        return None
    children = [f"{layer.path}.{name}" for name, _ in module.named_children()]
    return (
        f"is a container that runs its children in a way of its own "
        f"({type(module).__name__}), and might run a block as one more. Graft to one "
        f"of them: {_checks.cut(children, most=6)}."
    )


def _between(layer: Layer, position: Position) -> str | None:
    if position != "before" and layer.norm is not None:
        return (
            f"its output goes straight into the BatchNorm {layer.norm}, and what "
            "stands between the two breaks when they are fused. Graft after "
            f"{layer.norm} instead."
        )
    if position != "after" and layer.convolution is not None:
        return (
            f"is the BatchNorm of the convolution {layer.convolution}, and what stands "
            f"between the two breaks when they are fused. Graft after {layer.path} or "
            f"before {layer.convolution} instead."
        )
    return None


def _fused(survey: Survey, layer: Layer) -> str | None:
    """Refuse what a layer further out rewrites."""
    own = type(layer.module)
    if own.__module__.startswith("timm.") and hasattr(own, "fuse"):
        return (
            f"is exchanged for another layer when timm fuses it ({own.__name__}.fuse), "
            "and the block would be lost. Graft to the layer that holds it instead."
        )
    methods: Sequence[str] = FUSING
    path = layer.path.rpartition(".")[0]
    while path:
        holder = survey.model.get_submodule(path)
        method = next((name for name in methods if _rewrites(holder, name)), None)
        if method in REWRITING and _is_no_branch(holder, layer, path):
            kept = runs_when_merged(survey, layer.path, path, method)
            method = None if kept else method
        if method is not None:
            cure = (
                "Graft before the layer that comes next"
                if _is_sequence(holder)
                else f"Graft to {path}"
            )
            return (
                f"is rewritten by {path} ({type(holder).__name__}.{method}), and the "
                f"block would be lost. {cure} instead."
            )
        # a layer further out fuses what its children are made of, not them
        methods, path = REWRITING, path.rpartition(".")[0]
    return None


def _is_no_branch(holder: nn.Module, layer: Layer, path: str) -> bool:
    """Return whether a layer stands in none of the branches that become a convolution.

    Such are the activation and the attention after them; a branch has a BatchNorm.
    """
    branch = holder.get_submodule(layer.path.removeprefix(f"{path}.").split(".")[0])
    within = any(is_norm(module) for module in branch.modules())
    return not within and not is_convolution(layer.module)


def _has_own(module: nn.Module) -> bool:
    """Return whether a layer has something under the name of its blocks."""
    # not hasattr, as a layer may answer for the attributes of one that it wraps
    inner = (module._modules, module._parameters, module._buffers)  # noqa: SLF001
    return any(CHILD in names for names in (vars(module), *inner))


def _rewrites(holder: nn.Module, name: str) -> bool:
    """Return whether a layer has a method that rewrites what it is made of."""
    method = getattr(holder, name, None)
    if not callable(method) or name == "forward_fuse":
        return method is not None
    # one that must be given something, such as maps, is of another kind
    parameters = signature(method).parameters.values()
    return all(
        p.default is not p.empty or p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        for p in parameters
    )


def _taken(layer: Layer, position: Position) -> str | None:
    graft = graft_of(layer.module)
    if graft is None and _has_own(layer.module):
        return (
            f"has something of its own that is called {CHILD!r}, the name under which "
            "a layer holds its blocks. Rename it, or graft to another layer."
        )
    if position == "replace" and graft is None:
        inner = (name for name, m in layer.module.named_modules() if graft_of(m))
        within = next(inner, None)
        return within and (
            f"its {within} holds a block, which would go with it. Take that out first: "
            f"fv.prune(model, at='{layer.path}.**')."
        )
    # a replacement holds nothing else, and what has blocks is not replaced
    shared = position in ("after", "before") and graft and "replace" not in graft.places
    if graft is None or (shared and position not in graft.places):
        return None
    blocks = ", ".join(place.block for place in graft.places.values())
    return f"holds {blocks} already. Take it out first: fv.prune."
