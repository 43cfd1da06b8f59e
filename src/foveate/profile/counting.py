"""Count what a network learns and how much work it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from foveate import _traces, blocks, catalog, ops
from foveate.errors import FoveateError, OptionError
from foveate.profile._checking import check_shapes
from foveate.profile._formulas import FORMULAS
from foveate.profile._work import BesideProducts
from foveate.records import Cost
from foveate.surgery.running import device_and_dtype, undisturbed

__all__ = ["block_cost", "count", "count_call"]


def count(model: nn.Module, *shapes: Sequence[int]) -> Cost:
    """Return the parameters of a network and the work of one forward pass.

    It is what ``fv.cost`` says but for time and memory, and takes one run. The network
    runs on its own device and in its own precision, over an input of zeros. It is left
    as it was: the mode of each of its modules, its buffers and torch's random numbers.

    Blocks are counted by their references, so that no kernel hides what it does. A
    multiply-accumulate is one multiplication and one addition of a convolution or a
    matrix product; SimAM has none, though it takes time. Element-wise operations,
    pooling and normalisation stand beside, in values written and read. What an
    operation with a formula does besides its products, such as the softmax of fused
    attention, or a bias, is not counted.

    Args:
        model: Takes one feature map or a batch of images, or several as a fusion does.
        *shapes: Of each of its inputs, ``(B, C, H, W)``. Work grows with ``B``.

    Raises:
        OptionError: There is no shape, or one is not four whole numbers greater than 0,
            or the network does not run with them.

    Example:
        >>> conv = nn.Conv2d(3, 8, 3, padding=1)
        >>> found = count(conv, (1, 3, 5, 4))
        >>> found.parameters, found.macs  # 8 * 3 * 9 + 8, and 8 * 3 * 9 * 5 * 4
        (224, 4320)
    """
    check_shapes("count", shapes)
    device, dtype = device_and_dtype(model)
    inputs = [torch.zeros(*shape, device=device, dtype=dtype) for shape in shapes]
    try:
        return count_call(model, inputs)
    except FoveateError:
        raise
    except Exception as problem:
        given = " and ".join(str(tuple(shape)) for shape in shapes)
        raise OptionError(
            f"{type(model).__name__} does not run with {given}: "
            f"{_traces.seen(problem)}. Give the shape of each input that it takes."
        ) from problem


def count_call(model: nn.Module, inputs: Sequence[Tensor]) -> Cost:
    """Return the same for inputs that there are already."""
    beside = BesideProducts()
    products = FlopCounterMode(display=False, custom_mapping=dict(FORMULAS))
    # within inference mode, torch would show other operations
    with (
        torch.inference_mode(mode=False),
        undisturbed(model),
        ops.using("reference"),
        products,
        beside,
    ):
        model(*inputs)
    return Cost(
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        macs=products.get_total_flops() // 2,
        elementwise=beside.elementwise,
        pooling=beside.pooling,
        not_counted=tuple(sorted(beside.not_counted)),
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
    return count(block, *[(1, channels, *size)] * inputs)
