"""The blocks of a plan by themselves, without a host."""

from __future__ import annotations

import torch
from torch import nn

from foveate.records import Place
from foveate.surgery._making import make_block
from foveate.surgery._starts import grafted

__all__ = ["new_blocks"]


def new_blocks(place: Place, device: torch.device | str) -> list[nn.Module]:
    """Return new blocks for the maps of a place, as they begin when they are grafted.

    Args:
        place: A place of a plan.
        device: Where they are made; ``meta`` takes no memory.

    Raises:
        UnknownNameError: There is no such block.
        UnknownOptionError: It has no such option.
        OptionError: It does not fit the maps.

    Example:
        >>> from foveate.records import MapShape
        >>> shape = MapShape(channels=64, height=7, width=7)
        >>> place = Place(path="layer1", block="se", maps=(shape,))
        >>> (block,) = new_blocks(place, "meta")
        >>> block.amount.shape, block.block.fc1.weight.device.type
        (torch.Size([64]), 'meta')
    """
    # so that they can learn, whatever the mode of the caller
    with torch.inference_mode(mode=False), torch.device(device):
        return [
            grafted(make_block(place, shape), place.start, shape.channels)
            for shape in place.maps
        ]
