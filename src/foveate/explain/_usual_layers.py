"""Which layers of a network to look at, where none were named."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from foveate.explain._detections import last_of
from foveate.explain._returns import Returned, Seen
from foveate.explain._tokens import TOKEN_DIMS

__all__ = ["usual_layers"]

Found = tuple[list[Returned], str]
"""Layers, and which they are and why, in words."""

LEAST_SIDE = 7
"""The rows and columns that the last stage of most networks has at 224 pixels."""

TRUNKS = ("backbone.body.", "backbone.", "encoder.", "trunk.", "body.")
"""Where networks of several parts keep the one that sees."""


def usual_layers(seen: Seen) -> Found | None:
    """Return the layers to look at; None if no layer returns a map of the image."""
    for find in (_before_the_head, _levels, _below_pyramid, _stage):
        found = find(seen)
        if found is not None:
            return found
    norm, last = _before_attention(seen), _last(seen)
    stages = _usable(seen, seen.stages, "tokens")
    large = any(stage.side >= LEAST_SIDE for stage in stages)
    if norm is not None and (norm.side >= LEAST_SIDE or not large):
        order = list(seen.layers)
        # a network of both kinds is looked at where its way ends
        if last is None or order.index(norm.path) > order.index(last.path):
            return [norm], _words_of_norm(norm)
    if stages:
        return _deepest(stages, "tokens fill")
    if last is None:
        return None
    return [last], f"{last.path}, {_words_of_last(seen, last)} {_size(last)}"


def _usable(seen: Seen, paths: Iterable[str], kind: str = "maps") -> list[Returned]:
    """Return those layers of the host that ran once and returned what is asked for."""
    found = [seen.layers[path] for path in paths if path in seen.layers]
    return [
        layer
        for layer in found
        if layer.layout is not None
        and layer.calls == 1
        and (layer.layout.kind == "tokens") == (kind == "tokens")
    ]


def _before_the_head(seen: Seen) -> Found | None:
    """Return the layers that feed the head of a detector of Ultralytics."""
    head = last_of(seen.model)
    rows = getattr(head, "f", None)
    if not isinstance(rows, list | tuple):
        return None
    path = next(path for path, layer in seen.model.named_modules() if layer is head)
    trunk = path.rpartition(".")[0]
    layers = _usable(seen, [f"{trunk}.{row}" for row in sorted(rows)])
    return _feeding(layers) if layers else None


def _levels(seen: Seen) -> Found | None:
    """Return the levels of a detector that finds boxes in each by itself (SSD)."""
    backbone = getattr(seen.model, "backbone", None)
    if not isinstance(getattr(backbone, "extra", None), nn.ModuleList):
        return None
    parts = ("backbone.features", "backbone.extra")
    steps = [
        path
        for path in seen.layers
        if path in parts or path.rpartition(".")[0] in parts
    ]
    # where the sequence runs as one, its steps are no levels
    if parts[0] in steps:
        steps = [path for path in steps if not path.startswith(f"{parts[0]}.")]
    layers = _usable(seen, steps)
    return _feeding(layers) if layers else None


def _below_pyramid(seen: Seen) -> Found | None:
    """Return the last stage below a feature pyramid, which all its levels hang on."""
    if not hasattr(getattr(seen.model, "backbone", None), "fpn"):
        return None
    body = "backbone.body"
    steps = [path for path in seen.layers if path.rpartition(".")[0] == body]
    layers = _usable(seen, steps)
    if not layers:
        return None
    words = f"{layers[-1].path}, the last stage below the pyramid {_size(layers[-1])}"
    return layers[-1:], words


def _feeding(layers: list[Returned]) -> Found:
    paths = [layer.path for layer in layers]
    listed = f"{', '.join(paths[:-1])} and {paths[-1]}" if paths[1:] else paths[0]
    return layers, f"{listed}, which feed the head"


def _stage(seen: Seen) -> Found | None:
    """Return the deepest stage whose map is not too small."""
    stages = _usable(seen, seen.stages)
    return _deepest(stages, "map has") if stages else None


def _deepest(stages: list[Returned], what: str) -> Found:
    large = [stage for stage in stages if stage.side >= LEAST_SIDE]
    if large:
        words = f"the deepest stage whose {what} at least {LEAST_SIDE} rows and columns"
        return [large[-1]], f"{large[-1].path}, {words} {_size(large[-1])}"
    most = max(stage.side for stage in stages)
    stage = [stage for stage in stages if stage.side == most][-1]
    return [stage], (
        f"{stage.path}, the stage with the largest map {_size(stage)}, as none has "
        f"{LEAST_SIDE} rows and columns; a larger image shows more"
    )


def _before_attention(seen: Seen) -> Returned | None:
    """Return the norm of tokens that the last attention looks at."""
    tokens = _usable(seen, seen.layers, "tokens")
    layers = list(seen.layers.values())
    attention = [layer for layer in layers if _attends(layer)]
    if not attention:
        return None
    last = attention[-1]
    within = f"{last.path}."
    first = next(
        number
        for number, layer in enumerate(layers)
        if layer is last or layer.path.startswith(within)
    )
    norms = [
        layer
        for layer in layers[:first]
        if layer in tokens
        and layer.shape == last.got
        and "norm" in type(layer.module).__name__.lower()
    ]
    return norms[-1] if norms else None


def _attends(layer: Returned) -> bool:
    """Return whether a layer is attention that gets tokens of the whole image."""
    kind = type(layer.module).__name__.lower()
    of_tokens = layer.got is not None and len(layer.got) == TOKEN_DIMS
    return of_tokens and ("attention" in kind or "attn" in kind)


def _last(seen: Seen) -> Returned | None:
    """Return the last layer that has a map, or the deepest of one that returns maps."""
    maps = _usable(seen, [path for path in seen.layers if path in seen.host])
    for trunk in TRUNKS:
        within = [layer for layer in maps if layer.path.startswith(trunk)]
        steps = [layer for layer in within if "." not in layer.path[len(trunk) :]]
        if within:
            maps = steps or within
            break
    if not maps:
        return None
    least = min(LEAST_SIDE, max(layer.side for layer in maps))
    maps = [layer for layer in maps if layer.side >= least]
    if seen.answers_maps:
        fewest = min(layer.side for layer in maps)
        maps = [layer for layer in maps if layer.side == fewest]
    return maps[-1]


def _words_of_norm(norm: Returned) -> str:
    others = norm.layout.others if norm.layout is not None else 0
    left_out = f", and {others} other tokens left out" if others > 1 else ""
    left_out = ", and 1 other token left out" if others == 1 else left_out
    return (
        f"{norm.path}, the norm before the last attention, whose tokens stand for "
        f"places {_size(norm)}{left_out}"
    )


def _words_of_last(seen: Seen, layer: Returned) -> str:
    deepest = "deepest" if seen.answers_maps else "last"
    if layer.side < LEAST_SIDE:
        return f"the {deepest} layer with the largest map"
    return f"the {deepest} layer whose map has at least {LEAST_SIDE} rows and columns"


def _size(layer: Returned) -> str:
    rows, columns = layer.layout.size if layer.layout is not None else (0, 0)
    return f"({rows}x{columns})"
