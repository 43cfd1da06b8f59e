"""Lend torchvision its operators, where its build does not find them."""

import importlib
import sys

import torch


def suppress(boxes, scores, threshold):
    """Return which boxes stay, the best first: those that overlap no better one."""
    corners = boxes.double()
    area = (corners[:, 2:] - corners[:, :2]).prod(dim=1)
    waiting = scores.argsort(descending=True)
    kept = []
    while len(waiting):
        best, waiting = waiting[0], waiting[1:]
        kept.append(best)
        upper = torch.maximum(corners[best, :2], corners[waiting, :2])
        lower = torch.minimum(corners[best, 2:], corners[waiting, 2:])
        shared = (lower - upper).clamp(min=0).prod(dim=1)
        waiting = waiting[shared <= threshold * (area[best] + area[waiting] - shared)]
    return torch.stack(kept) if kept else torch.zeros(0, dtype=torch.long)


def lend(schemas):
    """Make ``torchvision.ops.nms`` run; return what has to last as long as it should.

    Args:
        schemas: The operators to declare, if torchvision cannot be imported without.
    """
    held = []
    try:
        importlib.import_module("torchvision")
    except RuntimeError as problem:
        if "torchvision::nms does not exist" not in str(problem):
            raise
        held.append(torch.library.Library("torchvision", "DEF"))
        for schema in schemas:
            held[0].define(schema)
        for name in [n for n in sys.modules if n.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
    extension = importlib.import_module("torchvision.extension")
    if not extension._has_ops():
        held.append(torch.library.Library("torchvision", "FRAGMENT"))
        held[-1].impl("nms", suppress, "CPU")
        extension._has_ops = lambda: True
    return held
