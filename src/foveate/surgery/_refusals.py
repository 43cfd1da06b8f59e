"""Why a block cannot go to a place, in one clear sentence and what would work."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from foveate import _checks
from foveate.records import Position
from foveate.surgery._graft import CHILD, graft_of
from foveate.surgery._survey import Layer, Survey

__all__ = ["carrier_of", "refusal"]

MAP_DIMS = 4
TOKEN_DIMS = 3

SLACK = 2
"""How many rows or columns an unpadded convolution may take from a map."""

FUSING = (
    "forward_fuse",
    "fuse",
    "fuse_convs",
    "reparameterize",
    "switch_to_deploy",
)
"""Methods by which a layer rewrites its own children."""


def refusal(survey: Survey, path: str, position: Position) -> str | None:
    """Return why a block cannot go to ``position`` of a layer; None if it can."""
    layer = survey.layers.get(path)
    if layer is None:
        return _idle(survey, path)
    reason = _no_map(survey, layer, position) or _repeated(layer)
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


def _no_map(survey: Survey, layer: Layer, position: Position) -> str | None:
    shapes = layer.outputs if position == "after" else layer.inputs
    verb = "returns" if position == "after" else "gets"
    if not shapes and position != "after":
        return (
            "gets no feature maps as its first argument. Graft after the layer that "
            "its maps come from."
        )
    if not shapes or any(len(shape) != MAP_DIMS for shape in shapes):
        seen = ", ".join(str(shape) for shape in shapes) or layer.returned
        tokens = len(shapes) == 1 and len(shapes[0]) == TOKEN_DIMS
        what = "tokens, as transformers do" if tokens else "no feature maps"
        return (
            f"{verb} {what}: {seen}. Blocks need maps (B, C, H, W): choose a "
            "layer that has them (fv.sites lists them)."
        )
    if not layer.floating:
        return f"{verb} {layer.dtype}; blocks need floating point."
    if any(_channels_last(survey, layer, shape) for shape in shapes):
        seen = ", ".join(str(shape) for shape in shapes)
        return (
            f"{verb} maps with channels last, (B, H, W, C): {seen}. Choose a layer "
            "where they stand second (fv.sites lists them)."
        )
    return None


def _channels_last(survey: Survey, layer: Layer, shape: Sequence[int]) -> bool:
    """Return whether the middle axes of a map, and not its last, are the image's."""
    if isinstance(layer.module, nn.Linear | nn.LayerNorm) and not hasattr(
        layer.module, "data_format"
    ):
        # timm's LayerNorm2d is a LayerNorm that does stand channels second
        return "2d" not in type(layer.module).__name__.lower()
    if survey.image is None:
        return False
    height, width = survey.image

    def like_the_image(rows: int, columns: int) -> bool:
        return abs(rows * width - columns * height) <= SLACK * max(height, width)

    return not like_the_image(*shape[2:]) and like_the_image(*shape[1:3])


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
    """Refuse the children of a layer that rewrites them."""
    parent_path = layer.path.rpartition(".")[0]
    if not parent_path:
        return None
    parent = survey.model.get_submodule(parent_path)
    method = next((name for name in FUSING if hasattr(parent, name)), None)
    if method is None:
        return None
    return (
        f"is rewritten by its parent {parent_path} ({type(parent).__name__}.{method}), "
        f"and the block would be lost. Graft to {parent_path} instead."
    )


def _taken(layer: Layer, position: Position) -> str | None:
    graft = graft_of(layer.module)
    # a replacement holds nothing else, and what has blocks is not replaced
    shared = position in ("after", "before") and graft and "replace" not in graft.places
    if graft is None or (shared and position not in graft.places):
        return None
    blocks = ", ".join(place.block for place in graft.places.values())
    return f"holds {blocks} already. Take it out first: fv.prune."
