"""Count what a network learns and how much it multiplies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from foveate.errors import OptionError
from foveate.profile._formulas import FORMULAS
from foveate.records import Cost

__all__ = ["cost"]

IMAGE_DIMS = 4


def cost(model: nn.Module, shape: Sequence[int]) -> Cost:
    """Return the parameters of a network and the work of one forward pass.

    The network runs once, on its own device and in its own precision, over an input of
    zeros. It is left as it was: the mode of each of its modules, the statistics of its
    BatchNorms and torch's random numbers.

    A multiply-accumulate is one multiplication and one addition of a convolution or a
    matrix product. Element-wise operations, pooling, biases and normalisation are not
    counted: SimAM costs nothing by this measure, though it takes time.

    Args:
        model: Takes one feature map or a batch of images.
        shape: Of its input, ``(B, C, H, W)``. Work grows with ``B``.

    Raises:
        OptionError: ``shape`` is not four whole numbers greater than 0.

    Example:
        >>> conv = nn.Conv2d(3, 8, 3, padding=1)
        >>> found = cost(conv, (1, 3, 5, 4))
        >>> found.parameters, found.macs  # 8 * 3 * 9 + 8, and 8 * 3 * 9 * 5 * 4
        (224, 4320)
    """
    _check_shape(shape)
    device, dtype = _place(model)
    x = torch.zeros(*shape, device=device, dtype=dtype)
    counter = FlopCounterMode(display=False, custom_mapping=dict(FORMULAS))
    cuda = [device] if device.type == "cuda" else []
    with (
        torch.random.fork_rng(devices=cuda),
        _evaluating(model),
        torch.no_grad(),
        counter,
    ):
        model(x)
    return Cost(
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        macs=counter.get_total_flops() // 2,
    )


def _check_shape(shape: Sequence[int]) -> None:
    fits = isinstance(shape, tuple | list) and len(shape) == IMAGE_DIMS
    if not fits or not all(type(size) is int and size > 0 for size in shape):
        raise OptionError(
            "cost: shape must be (B, C, H, W), four whole numbers greater than 0, such "
            f"as (1, 3, 224, 224), got {shape!r}."
        )


def _place(model: nn.Module) -> tuple[torch.device, torch.dtype]:
    """Return device and precision of the first floating-point tensor of ``model``."""
    for tensor in chain(model.parameters(), model.buffers()):
        if tensor.is_floating_point():
            return tensor.device, tensor.dtype
    return torch.device("cpu"), torch.float32


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Set ``model`` to evaluation, and each of its modules back afterwards."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        model.eval()
        yield
    finally:
        for module, training in modes:
            module.training = training
