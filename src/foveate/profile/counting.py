"""Count what a network learns and how much it multiplies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from foveate import blocks, catalog, ops
from foveate.errors import OptionError
from foveate.profile._formulas import FORMULAS
from foveate.records import Cost
from foveate.surgery.running import device_and_dtype, undisturbed

__all__ = ["block_cost", "cost"]

IMAGE_DIMS = 4


def cost(model: nn.Module, *shapes: Sequence[int]) -> Cost:
    """Return the parameters of a network and the work of one forward pass.

    The network runs once, on its own device and in its own precision, over an input of
    zeros. It is left as it was: the mode of each of its modules, its buffers and
    torch's random numbers.

    A multiply-accumulate is one multiplication and one addition of a convolution or a
    matrix product. Element-wise operations, pooling, biases and normalisation are not
    counted: SimAM costs nothing by this measure, though it takes time.

    Args:
        model: Takes one feature map or a batch of images, or several as a fusion does.
        *shapes: Of each of its inputs, ``(B, C, H, W)``. Work grows with ``B``.

    Raises:
        OptionError: There is no shape, or one is not four whole numbers greater than 0.

    Example:
        >>> conv = nn.Conv2d(3, 8, 3, padding=1)
        >>> found = cost(conv, (1, 3, 5, 4))
        >>> found.parameters, found.macs  # 8 * 3 * 9 + 8, and 8 * 3 * 9 * 5 * 4
        (224, 4320)
    """
    _check_shapes(shapes)
    device, dtype = device_and_dtype(model)
    inputs = [torch.zeros(*shape, device=device, dtype=dtype) for shape in shapes]
    counter = FlopCounterMode(display=False, custom_mapping=dict(FORMULAS))
    # a kernel would hide its work
    with undisturbed(model), ops.using("reference"), counter:
        model(*inputs)
    return Cost(
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        macs=counter.get_total_flops() // 2,
    )


def block_cost(name: str, channels: int, size: tuple[int, int], **options: Any) -> Cost:
    """Return the cost of a block of the catalogue for one map.

    The block is built without memory and runs without numbers. A block bound to one
    size of map is built for ``size``.

    Args:
        name: A name of the catalogue, an alias or a variant.
        channels: Channels of the feature map.
        size: Height and width of the map.
        **options: Options of the block.

    Raises:
        UnknownNameError: The catalogue has no such name.
        OptionError: A value cannot work; the message says what would.

    Example:
        >>> block_cost("se", 64, (14, 14)).macs  # 64 to 4 channels and back
        512
    """
    if catalog.card(name).sized:
        options = {"spatial_size": size} | options
    block = blocks.create(name, channels, device="meta", **options)
    inputs = getattr(block, "num_inputs", 1)
    return cost(block, *[(1, channels, *size)] * inputs)


def _check_shapes(shapes: Sequence[Sequence[int]]) -> None:
    for shape in shapes or [()]:
        fits = isinstance(shape, tuple | list) and len(shape) == IMAGE_DIMS
        if not fits or not all(type(size) is int and size > 0 for size in shape):
            raise OptionError(
                "cost: a shape must be (B, C, H, W), four whole numbers greater than "
                f"0, such as (1, 3, 224, 224), got {shape!r}."
            )
