"""Which layers of a host end its stages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from torch import nn

from foveate.surgery._survey import Survey

__all__ = ["stages_of"]

TRUNKS = ("", "backbone.", "encoder.", "trunk.", "body.", "model.", "backbone.body.")
"""Where a network of several parts keeps the one that has stages."""

NUMBERED = re.compile(r"(?:layer|stage|block)_?(\d+)")


def stages_of(survey: Survey) -> dict[int, str]:
    """Return the path of the layer that ends each stage, by the number of the stage.

    The numbers are those that the host's library uses: with timm's ``feature_info``
    those of ``out_indices``, in a host with layers ``layer1`` to ``layer4`` those of
    their names, in one with a sequence ``features`` (torchvision's MobileNet,
    EfficientNet, VGG and so on) one for each size of map, from 0, and in a network of
    Ultralytics the levels P1, P2 and so on of its backbone.
    """
    for trunk in TRUNKS:
        host = _at(survey.model, trunk)
        if host is None:
            continue
        for find in (_informed, _numbered, _by_size, _by_rows):
            found = find(host, trunk, survey)
            if found:
                return found
    return {}


def _at(model: nn.Module, trunk: str) -> nn.Module | None:
    if not trunk:
        return model
    child: Any = model
    for name in trunk.rstrip(".").split("."):
        child = getattr(child, name, None)
    return child if isinstance(child, nn.Module) else None


def _informed(host: nn.Module, trunk: str, survey: Survey) -> dict[int, str]:
    """Return what ``feature_info`` says, as timm's networks and ours have it."""
    info: Any = getattr(host, "feature_info", None)
    entries = getattr(info, "info", info)
    if not isinstance(entries, Iterable):
        return {}
    stages = {}
    for number, entry in enumerate(entries):
        path = str(entry.get("module", "")) if isinstance(entry, Mapping) else ""
        # timm's networks that return features have the layers side by side
        for name in (f"{trunk}{path}", f"{trunk}{path.replace('.', '_')}"):
            if name in survey.layers:
                stages[number] = name
    return stages


def _numbered(host: nn.Module, trunk: str, survey: Survey) -> dict[int, str]:
    """Return the children that are called ``layer1``, ``layer2`` and so on."""
    stages = {}
    for name, _ in host.named_children():
        found = NUMBERED.fullmatch(name)
        if found and f"{trunk}{name}" in survey.layers:
            stages[int(found[1])] = f"{trunk}{name}"
    return stages


def _by_size(host: nn.Module, trunk: str, survey: Survey) -> dict[int, str]:
    """Return the last step of ``features`` for each size of map."""
    features = getattr(host, "features", None)
    if not isinstance(features, nn.Sequential):
        return {}
    steps = [f"{trunk}features.{name}" for name, _ in features.named_children()]
    return dict(enumerate(_last_of_each_size(steps, survey)))


def _by_rows(host: nn.Module, trunk: str, survey: Survey) -> dict[int, str]:
    """Return the last row of the backbone for each size, as Ultralytics lists them."""
    rows = getattr(host, "yaml", None)
    if not isinstance(rows, Mapping) or "backbone" not in rows:
        return {}
    steps = [f"{trunk}model.{place}" for place in range(len(rows["backbone"]))]
    return dict(enumerate(_last_of_each_size(steps, survey), start=1))


def _last_of_each_size(steps: Iterable[str], survey: Survey) -> list[str]:
    ends: dict[tuple[int, ...], str] = {}
    for path in steps:
        layer = survey.layers.get(path)
        if layer is not None and layer.outputs:
            ends[layer.outputs[0][2:]] = path
    return list(ends.values())
