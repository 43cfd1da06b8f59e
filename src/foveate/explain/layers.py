"""At which layers of a network to look, and how what they return becomes a map."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from foveate import _checks, surgery
from foveate.errors import FoveateError, OptionError
from foveate.explain._returns import Returned, Seen, look_at
from foveate.explain._tokens import rearranging
from foveate.explain._usual_layers import usual_layers

__all__ = ["TargetLayers", "Watched", "chosen_layers", "default_layers"]

TargetLayers = nn.Module | str | Sequence[nn.Module | str]
"""Layers, as modules or by their paths; also globs, ``type:...`` and ``stage:-1``."""

Transform = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Watched:
    """Layers to look at.

    Attributes:
        paths: Their names in the network.
        modules: The layers.
        transform: Makes ``(N, C, h, w)`` of what they return; None if that is such.
        reason: Which they are and why, in words.
    """

    paths: tuple[str, ...]
    modules: tuple[nn.Module, ...]
    transform: Transform | None
    reason: str


def default_layers(model: nn.Module, x: Tensor) -> Watched:
    """Return the layers at which to look at a network, where none were named.

    In a detector of Ultralytics these are the layers that feed its head. Else it is the
    deepest stage whose map has at least 7 rows and columns, as most have at 224 pixels;
    if none has, the last of those with the largest map. Networks that do not say where
    their stages end are looked at in the last such layer, or, if they answer with maps
    themselves, in the deepest. In transformers it is the norm before the last
    attention, as what comes later at the place of a patch reaches the class no more.

    Args:
        model: The network; it runs once and is left as it was.
        x: One image as it takes it, ``(1, C, H, W)``.

    Raises:
        OptionError: No layer returns a map, or the network does not run.

    Example:
        >>> import torch, foveate as fv
        >>> host = fv.backbones.resnet10(width=16)
        >>> default_layers(host, torch.rand(1, 3, 224, 160)).reason
        'layer3, the deepest stage whose map has at least 7 rows and columns (14x10)'
    """
    seen = look_at(model, x)
    found = usual_layers(seen)
    if found is not None:
        return _watched(*found)
    raise OptionError(
        f"target_layers: no layer of {type(model).__name__} returns a map of the image "
        "that is known as such. Name the layers, and give a reshape_transform that "
        "makes (N, C, h, w) of what they return."
    )


def chosen_layers(
    model: nn.Module,
    target_layers: TargetLayers,
    x: Tensor,
    reshape_transform: Transform | None = None,
) -> Watched:
    """Return the layers that were asked for.

    Args:
        model: The network; it runs once and is left as it was.
        target_layers: Layers of it, as modules or by name.
        x: One image as it takes it, ``(1, C, H, W)``.
        reshape_transform: Makes ``(N, C, h, w)`` of what they return. None: for
            channels last and for tokens it is found.

    Raises:
        OptionError: A module is not part of the network, or a layer did not run or
            returned no map.
        SiteError: No layer has that name; near ones are offered.
    """
    seen = look_at(model, x)
    several = isinstance(target_layers, Sequence) and not isinstance(target_layers, str)
    asked: Sequence[Any] = target_layers if several else [target_layers]  # type: ignore[assignment]
    if not asked:
        raise OptionError(
            "target_layers: got an empty list. Name a layer, or leave the option out."
        )
    paths = dict.fromkeys(path for one in asked for path in _paths(seen, one, x))
    layers = [_ran(seen, path) for path in paths]
    reason = f"{_checks.cut([f'{layer.path}' for layer in layers])}, as asked"
    if reshape_transform is None:
        for layer in layers:
            _check_layout(layer)
        return _watched(layers, reason)
    modules = tuple(layer.module for layer in layers)
    return Watched(tuple(paths), modules, reshape_transform, reason)


def _watched(layers: Sequence[Returned], reason: str) -> Watched:
    placed = [
        (layer.shape, layer.layout)
        for layer in layers
        if layer.shape is not None and layer.layout is not None
    ]
    paths = tuple(layer.path for layer in layers)
    modules = tuple(layer.module for layer in layers)
    return Watched(paths, modules, rearranging(placed), reason)


def _paths(seen: Seen, asked: Any, x: Tensor) -> list[str]:
    """Return the paths of the layers that one entry means."""
    if isinstance(asked, nn.Module):
        for path, module in seen.model.named_modules():
            if module is asked and path:
                return [path]
        raise OptionError(
            f"target_layers: the {type(asked).__name__} that was given is no layer "
            f"within this {type(seen.model).__name__}. Take it from the network that "
            "is looked at, such as model.layer4; a copy has layers of its own."
        )
    if asked in seen.layers:
        return [asked]
    try:
        return [site.path for site in surgery.sites(seen.model, x, at=asked)]
    except FoveateError as problem:
        words = str(problem).removeprefix("at: ")
        raise type(problem)(f"target_layers: {words}") from None


def _ran(seen: Seen, path: str) -> Returned:
    layer = seen.layers.get(path)
    if layer is None:
        raise OptionError(
            f"target_layers: {path} does not run in evaluation, so it sees nothing. "
            "Choose a layer that does (fv.sites lists them)."
        )
    return layer


def _check_layout(layer: Returned) -> None:
    if layer.layout is None:
        raise OptionError(
            f"target_layers: {layer.path} ({type(layer.module).__name__}) returns "
            f"{layer.words}, which is no map of the image. Choose a layer that returns "
            "one (B, C, H, W), or give a reshape_transform that makes it of a tensor."
        )
