"""What is left of a layer whose branches have become one convolution."""

from __future__ import annotations

import copy

import torch

from foveate.surgery._survey import Layer, Survey
from foveate.surgery.running import undisturbed

__all__ = ["runs_when_merged"]


def runs_when_merged(survey: Survey, path: str, holder: str, method: str) -> bool:
    """Return whether a layer still runs after ``method`` has rewritten its holder.

    Only the holder's own code knows: RepVGG keeps the activation after its branches,
    and forgets the drop path beside it. So the method is called on a copy, which is
    then run; if that fails, the answer is no.
    """
    if holder not in survey.merged:
        layer = survey.layers.get(holder)
        survey.merged[holder] = _left(layer, method) if layer else frozenset()
    return path.removeprefix(f"{holder}.") in survey.merged[holder]


def _left(layer: Layer, method: str) -> frozenset[str]:
    """Return which layers within a layer still run, by their names in it."""
    ran: set[str] = set()
    try:
        twin = copy.deepcopy(layer.module)
        names = {module: name for name, module in twin.named_modules()}
        with undisturbed(twin):
            getattr(twin, method)()
            for module in names:
                module.register_forward_hook(lambda m, *_: ran.add(names[m]))
            (shape,) = layer.inputs
            twin(torch.zeros(shape, device=layer.device, dtype=layer.got))
    except Exception:  # noqa: BLE001 - the holder's own code may raise anything
        return frozenset()
    return frozenset(ran)
