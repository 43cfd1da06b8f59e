"""Replace the attention that a host already has."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from foveate import _checks
from foveate.errors import SiteError
from foveate.records import Plan, Start
from foveate.surgery._attaching import originals_in_place
from foveate.surgery._graft import CHILD
from foveate.surgery._known import KNOWN, is_attention
from foveate.surgery._making import BlockLike
from foveate.surgery._reach import check_host
from foveate.surgery._selecting import Selector
from foveate.surgery._survey import Survey, survey
from foveate.surgery.grafting import graft
from foveate.surgery.planning import plan_for
from foveate.surgery.running import Example, inputs_of

__all__ = ["swap"]


def swap(
    model: nn.Module,
    block: BlockLike,
    *,
    example: Example,
    at: Selector | Sequence[Selector] | None = None,
    start: Start = "paper",
    options: Mapping[str, Any] | None = None,
) -> Plan:
    """Replace each attention that a host has by another block of the same channels.

    By its nature this changes what the host computes: the old attention is gone, and
    the new one has yet to be trained. The layers that are replaced are kept with their
    weights, outside of the host's parameters and state dict: ``prune`` brings them
    back, to the bit. To swap again replaces the new blocks, and ``prune`` still brings
    back the layers of the host. Blocks that were grafted after or before a layer stay.

    Args:
        model: The host, changed in place.
        block: A name of the catalogue, or a class of yours that takes channels first.
        example: The shape of the host's input, or an input; see ``sites``.
        at: Which layers, as for ``plan``; those that were swapped before are selected
            by what they were. None: the attention of timm, torchvision,
            segmentation_models_pytorch and Ultralytics that takes one map and returns
            one of the same shape, our blocks, and what was replaced before; what does
            not run in this host stays.
        start: What the new blocks do before they have learned. ``paper``: what their
            papers say. ``identity`` and ``gate``: nothing, so that at first the host
            computes what it does without any attention there.
        options: Options of the block.

    Returns:
        The plan; what stood there is under ``replaced``.

    Raises:
        SiteError: The host has no attention that is known, or one cannot be replaced.
            The host is as it was.
        OptionError: The host does not run with the example, or a value cannot work.
        UnknownNameError: There is no such block.

    Example:
        >>> from foveate import backbones
        >>> host = backbones.resnet10(width=16, attention="se")
        >>> swapped = swap(host, "eca", example=(1, 3, 32, 32))
        >>> [(place.path, place.replaced) for place in swapped.places][:1]
        [('layer1.0.attention', 'SqueezeExcite')]
        >>> type(host.layer1[0].attention.foveate.replace[0].block).__name__
        'ECA'
    """
    check_host(model)
    with originals_in_place(model) as earlier:
        seen = survey(model, inputs_of(model, example))
        if at is None:
            paths = _attention_of(seen, [held.path for held in earlier])
            at = [f"re:{re.escape(path)}" for path in paths]
        plan = plan_for(
            seen, block, at=at, position="replace", start=start, options=options
        )
        _refuse(plan)
        done = graft(model, plan, example=example)
        taken = {place.path for place in done.places}
        # what stood there until now does not come back
        earlier[:] = [held for held in earlier if held.path not in taken]
    return done


def _attention_of(seen: Survey, earlier: Sequence[str]) -> list[str]:
    """Return the paths of the attention of a host, the outermost if one holds another.

    Raises:
        SiteError: There is none.
    """
    found: list[str] = []
    for path, module in seen.model.named_modules():
        inner = any(path.startswith(f"{outer}.") for outer in found)
        ours = CHILD in path.split(".")
        if (is_attention(module) or path in earlier) and not (inner or ours):
            found.append(path)
    running = [path for path in found if path in seen.layers]
    if running:
        return running
    types = sorted({type(layer.module).__name__ for layer in seen.layers.values()})
    raise SiteError(
        f"swap: {type(seen.model).__name__} has no attention that is known. Looked for "
        f"blocks of foveate and classes of {', '.join(KNOWN)}. Name yours, such as "
        f"at='type:NAME'; its types of layers are {_checks.cut(types, most=12)}."
    )


def _refuse(plan: Plan) -> None:
    """Raise SiteError if something cannot be replaced."""
    if plan.refused:
        first, more = plan.refused[0], len(plan.refused) - 1
        rest = f" So are {more} more." if more else ""
        raise SiteError(
            f"{first.path}: cannot be swapped: {first.reason}{rest} To swap only "
            "others, name them with at=."
        )
