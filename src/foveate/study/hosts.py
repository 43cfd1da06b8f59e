"""The network that a run trains."""

from __future__ import annotations

from torch import nn

from foveate import backbones
from foveate.records import BlockChoice, Host, Slot
from foveate.study.digit_scenes import CLASSES

__all__ = ["host_of"]


def host_of(host: Host, slot: Slot, block: BlockChoice | None) -> nn.Module:
    """Return the host with the block in its slot, or plain.

    The plain host has no attention, and joins by ``add``.

    Raises:
        UnknownNameError: There is no such host or block.
        UnknownOptionError: The block has no such option.
        OptionError: The block does not fit the host; the site is named.
    """
    options: backbones.PyramidOptions = {
        "num_classes": len(CLASSES),
        "width": host.width,
        "stem": host.stem,
    }
    if backbones.has_joins(host.name):
        # only the finest is classified
        options["levels"] = 1
    if block is not None and slot.name == "join":
        options["fusion"] = block.name
        options["fusion_options"] = block.options
    elif block is not None:
        options["attention"] = block.name
        options["attention_options"] = block.options
        options["attention_stages"] = slot.stages
    return backbones.create(host.name, **options)
