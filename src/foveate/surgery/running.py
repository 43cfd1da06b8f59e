"""Run a network once and leave it as it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from numbers import Integral, Real
from typing import Any

import torch
from torch import Tensor, nn

from foveate.errors import OptionError

__all__ = [
    "Example",
    "Inputs",
    "device_and_dtype",
    "fresh",
    "inputs_of",
    "shapes_of",
    "undisturbed",
]

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
    modes = [(module, module.training) for module in model.modules()]
    buffers = [
        (module, name, buffer, buffer.detach().clone())
        for module in model.modules()
        for name, buffer in module.named_buffers(recurse=False)
    ]
    tensors = chain(model.parameters(), model.buffers())
    devices = {tensor.device.index for tensor in tensors if tensor.is_cuda}
    with (
        torch.random.fork_rng(devices=devices),
        torch.no_grad(),
        torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True),
    ):
        # torch.manual_seed would reach devices that are not put back
        for generator in (
            torch.default_generator,
            *(torch.cuda.default_generators[index] for index in devices),
        ):
            generator.manual_seed(0)
        try:
            for module, _ in modes:
                # not eval(), where some hosts do more, such as merging their weights
                module.training = False
            yield
        finally:
            for module, training in modes:
                module.training = training
            for module, name, buffer, value in buffers:
                now = getattr(module, name, None)
                # a host may have given it another shape meanwhile, which is its own
                if isinstance(now, Tensor) and now.shape == value.shape:
                    buffer.copy_(value)
                    if now is not buffer:
                        setattr(module, name, buffer)


def device_and_dtype(model: nn.Module) -> tuple[torch.device, torch.dtype]:
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
        OptionError: ``model`` is no module, there is no example, or a shape in it is
            not of whole numbers greater than 0.
    """
    if not isinstance(model, nn.Module):
        raise OptionError(
            f"expected a host, a torch.nn.Module, got {model!r} "
            f"({type(model).__name__})."
        )
    if example is None:
        raise OptionError(
            "example: the host must be looked at once with an input. Give a shape such "
            "as example=(1, 3, 224, 224), a tensor, or a tuple of its arguments."
        )
    if isinstance(example, Mapping):
        return (), {key: _input_of(model, item) for key, item in example.items()}
    if isinstance(example, tuple) and not _is_shape(example):
        if example and all(isinstance(item, Real) for item in example):
            raise OptionError(_not_a_shape(example))
        return tuple(_input_of(model, item) for item in example), {}
    return (_input_of(model, example),), {}


def fresh(inputs: Inputs) -> Inputs:
    """Return a copy of what to call a host with, as a host may change its input."""
    copy: Inputs = _copied(inputs)
    return copy


def shapes_of(inputs: Inputs) -> tuple[tuple[int, ...], ...]:
    """Return the shapes of the arguments of a call, those that are tensors."""
    args, keywords = inputs
    values = [*args, *keywords.values()]
    return tuple(tuple(v.shape) for v in values if isinstance(v, Tensor))


def _copied(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().clone()
    if type(value) is dict:
        return {key: _copied(item) for key, item in value.items()}
    # a class of the host's own may not be made of its items
    return type(value)(map(_copied, value)) if type(value) in (list, tuple) else value


def _input_of(model: nn.Module, example: Any) -> Any:
    device, dtype = device_and_dtype(model)
    if isinstance(example, Tensor):
        return example.to(device)
    if not _is_shape(example):
        # such as the list of images that detectors take
        listed = type(example) is list
        return [_input_of(model, item) for item in example] if listed else example
    if any(size <= 0 for size in example):
        raise OptionError(_not_a_shape(example))
    generator = torch.Generator().manual_seed(0)
    filled = torch.randn(*example, generator=generator, device="cpu")
    return filled.to(device, dtype)


def _is_shape(value: Any) -> bool:
    listed = isinstance(value, Sequence) and not isinstance(value, str) and len(value)
    # not bool, which is a whole number too
    return bool(listed) and all(
        isinstance(size, Integral) and not isinstance(size, bool) for size in value
    )


def _not_a_shape(value: Any) -> str:
    return (
        f"example: a shape must be of whole numbers greater than 0, got {value!r}. "
        "Give one such as (1, 3, 224, 224)."
    )
