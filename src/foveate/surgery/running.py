"""Run a network once and leave it as it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from foveate.errors import OptionError

__all__ = ["Example", "Inputs", "inputs_of", "place_of", "shapes_of", "undisturbed"]

Example = Any
"""What a host is looked at with: a shape ``(1, 3, 224, 224)``, a tensor, a tuple of
arguments (shapes or tensors), a mapping of keywords, or any other single argument."""

Inputs = tuple[tuple[Any, ...], dict[str, Any]]
"""Arguments and keywords of one call."""


@contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """Evaluate ``model`` without gradients, and leave no trace of it.

    Afterwards the mode of each of its modules, its buffers and torch's random numbers
    are what they were.
    """
    device, _ = place_of(model)
    modes = [(module, module.training) for module in model.modules()]
    buffers = [(buffer, buffer.detach().clone()) for buffer in model.buffers()]
    cuda = [device] if device.type == "cuda" else []
    with (
        torch.random.fork_rng(devices=cuda),
        torch.no_grad(),
        torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True),
    ):
        torch.manual_seed(0)
        try:
            model.eval()
            yield
        finally:
            for module, training in modes:
                module.training = training
            for buffer, value in buffers:
                # a host may have given it another shape meanwhile, which is its own
                if buffer.shape == value.shape:
                    buffer.copy_(value)


def place_of(model: nn.Module) -> tuple[torch.device, torch.dtype]:
    """Return device and precision of the first floating-point tensor of ``model``."""
    for tensor in chain(model.parameters(), model.buffers()):
        if tensor.is_floating_point():
            return tensor.device, tensor.dtype
    return torch.device("cpu"), torch.float32


def inputs_of(model: nn.Module, example: Example) -> Inputs:
    """Return what to call ``model`` with.

    Args:
        model: Says on which device and in which precision shapes are filled.
        example: A shape, which is filled with random numbers, or what it stands for;
            tensors are moved to the device of the model.

    Raises:
        OptionError: There is no example, or a shape in it is not of whole numbers
            greater than 0.
    """
    if example is None:
        raise OptionError(
            "example: the host must be looked at once with an input. Give a shape such "
            "as example=(1, 3, 224, 224), a tensor, or a tuple of its arguments."
        )
    if isinstance(example, Mapping):
        return (), {key: _input_of(model, item) for key, item in example.items()}
    if isinstance(example, tuple) and not _is_shape(example):
        return tuple(_input_of(model, item) for item in example), {}
    return (_input_of(model, example),), {}


def shapes_of(inputs: Inputs) -> tuple[tuple[int, ...], ...]:
    """Return the shapes of the arguments of a call, those that are tensors."""
    args, keywords = inputs
    values = [*args, *keywords.values()]
    return tuple(tuple(v.shape) for v in values if isinstance(v, Tensor))


def _input_of(model: nn.Module, example: Any) -> Any:
    device, dtype = place_of(model)
    if isinstance(example, Tensor):
        return example.to(device)
    if not _is_shape(example):
        return example
    if any(size <= 0 for size in example):
        raise OptionError(
            "example: a shape must be of whole numbers greater than 0, got "
            f"{example!r}."
        )
    generator = torch.Generator().manual_seed(0)
    return torch.randn(*example, generator=generator).to(device, dtype)


def _is_shape(value: Any) -> bool:
    listed = isinstance(value, Sequence) and not isinstance(value, str) and len(value)
    return bool(listed) and all(type(size) is int for size in value)
