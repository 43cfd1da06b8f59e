"""Whether what a layer gets or returns is a feature map."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from foveate.records import Position
from foveate.surgery._survey import Layer, Survey, is_convolution, is_norm

__all__ = ["MAP_DIMS", "no_map"]

MAP_DIMS = 4
TOKEN_DIMS = 3

SLACK = 2
"""How many rows or columns an unpadded convolution may take from a map."""


def no_map(survey: Survey, layer: Layer, position: Position) -> str | None:
    """Return why what a layer has at ``position`` is no map; None if it is one."""
    owner, _, weight = layer.path.partition(".parametrizations")
    if weight:
        return f"makes a weight of {owner}, no feature map. Graft to {owner} instead."
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
    return _unlike_a_map(survey, layer, position)


def _unlike_a_map(survey: Survey, layer: Layer, position: Position) -> str | None:
    """Return why what has four axes is no map all the same; None if it is one."""
    shapes = layer.outputs if position == "after" else layer.inputs
    verb = "returns" if position == "after" else "gets"
    holder = _among_tokens(survey, layer)
    if holder is not None:
        return (
            f"{verb} {', '.join(map(str, shapes))} within {holder}, which works on "
            "tokens, as transformers do: that is no feature map (B, C, H, W). Choose a "
            "layer that has one (fv.sites lists them)."
        )
    dtype = layer.dtype if position == "after" else layer.got
    if not dtype.is_floating_point:
        return (
            f"{verb} maps of {dtype}, and blocks need floating point. Choose a layer "
            f"{'before' if position == 'after' else 'after'} it."
        )
    if any(_channels_last(survey, layer, shape) for shape in shapes):
        seen = ", ".join(str(shape) for shape in shapes)
        return (
            f"{verb} maps with channels last, (B, H, W, C): {seen}. Choose a layer "
            "where they stand second (fv.sites lists them)."
        )
    return None


def _channels_last(survey: Survey, layer: Layer, shape: Sequence[int]) -> bool:
    """Return whether the middle axes of a map, and not its last, are the image's."""
    if is_convolution(layer.module) or is_norm(layer.module):
        return False
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

    # timm's networks say so; where channels are as many as columns, nothing else does
    known = str(getattr(survey.model, "output_fmt", "")).endswith("NHWC")
    return like_the_image(*shape[1:3]) and (known or not like_the_image(*shape[2:]))


def _among_tokens(survey: Survey, layer: Layer) -> str | None:
    """Return the layer of a transformer that a layer belongs to; None if to none."""
    path = layer.path.rpartition(".")[0]
    while path:
        holder = survey.layers.get(path)
        if holder is not None and holder.inputs:
            tokens = all(len(shape) == TOKEN_DIMS for shape in holder.inputs)
            return path if tokens else None
        path = path.rpartition(".")[0]
    return None
