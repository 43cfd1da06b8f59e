"""Find how much memory a network takes, without taking it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from foveate.profile._checking import check_shapes, quietly
from foveate.profile._storages import Held, Peak, fake_copy
from foveate.records import Memory
from foveate.surgery.running import device_and_dtype, undisturbed

__all__ = [
    "memory",
    "peak_bytes",
    "predicted",
    "predicted_or_none",
    "saved_bytes",
    "without_memory",
]

# what a network may raise that cannot run without numbers, or not in training
UNABLE = (
    AssertionError,
    AttributeError,
    NotImplementedError,
    RuntimeError,
    TypeError,
    ValueError,
)


def memory(model: nn.Module, *shapes: Sequence[int]) -> Memory:
    """Return how much memory a network takes for one forward pass.

    On CUDA it runs, and the allocator is asked for the peak. Elsewhere a copy of it
    runs whose tensors have neither memory nor numbers, so that even what does not fit
    can be asked for; the operations take the paths that they would take in earnest.
    Where that is not possible, as the network looks at its numbers, it runs itself.
    One on the ``meta`` device is followed as if it was on a CPU.

    What is kept for the backward pass is that of training. A network that cannot train
    on so few images, or needs more than images for it, is followed in evaluation.

    Args:
        model: Takes one feature map or a batch of images, or several as a fusion does.
        *shapes: Of each of its inputs, ``(B, C, H, W)``.

    Raises:
        OptionError: There is no shape, or one is not four whole numbers greater than 0.

    Example:
        >>> memory(nn.Sigmoid(), (1, 3, 5, 4)).peak_bytes  # 60 numbers of 4 bytes
        240
    """
    check_shapes("memory", shapes)
    device, _ = device_and_dtype(model)
    if device.type == "cuda":
        return _measured(model, shapes)
    try:
        return predicted(model, shapes)
    except UNABLE:
        if device.type == "meta":
            raise
    inputs = _zeros(model, shapes)
    return Memory(
        peak_bytes=peak_bytes(model, *inputs), saved_bytes=_saved(model, inputs)
    )


def peak_bytes(function: Callable[..., Any], *inputs: Tensor) -> int:
    """Return the most bytes that a call holds at once, without gradients.

    Counted are the tensors that operations return, beyond the inputs and, of a module,
    its parameters and buffers; what an operation takes for itself alone is not seen.
    A module runs in evaluation and is left as it was.

    Args:
        function: A module, or any function of tensors.
        *inputs: Of the function.

    Example:
        >>> peak_bytes(lambda x: (x + 1).sum(), torch.ones(2, 3))  # 6 numbers and 1
        28
    """
    peak = Peak([*inputs, *_tensors_of(function)])
    with quietly(function), peak:
        function(*inputs)
    return peak.bytes


def saved_bytes(function: Callable[..., Any], *inputs: Tensor) -> int:
    """Return how many bytes a call keeps for its backward pass.

    Each storage that autograd keeps counts once and whole, but for those of a module's
    parameters and buffers. The inputs are taken as if layers before them learned, and
    count if they are kept. A module runs in the mode that it has, and is left as it
    was.

    Args:
        function: A module, or any function of tensors.
        *inputs: Of the function.

    Example:
        >>> x = torch.ones(1, 8, 3, 5)
        >>> saved_bytes(torch.sigmoid, x)  # its output alone
        480
    """
    held = Held(_tensors_of(function))
    given = [_learned(x) for x in inputs]
    hooks = torch.autograd.graph.saved_tensors_hooks(held.add, lambda kept: kept)
    if not isinstance(function, nn.Module):
        with torch.enable_grad(), hooks:
            function(*given)
        return held.bytes
    modes = [(module, module.training) for module in function.modules()]
    with undisturbed(function), torch.enable_grad(), hooks:
        for module, training in modes:
            module.training = training
        function(*given)
    return held.bytes


def predicted(model: nn.Module, shapes: Sequence[Sequence[int]]) -> Memory:
    """Return what a network would take, from a copy without memory; see ``memory``.

    Raises:
        RuntimeError: It cannot run without numbers. Others of ``UNABLE`` may come too.
    """
    with without_memory(model, shapes) as (fake, inputs):
        return Memory(
            peak_bytes=peak_bytes(fake, *inputs), saved_bytes=_saved(fake, inputs)
        )


@contextmanager
def without_memory(
    model: nn.Module, shapes: Sequence[Sequence[int]]
) -> Iterator[tuple[nn.Module, list[Tensor]]]:
    """Lend a copy of a network that has neither memory nor numbers, and inputs."""
    device, dtype = device_and_dtype(model)
    device = torch.device("cpu") if device.type == "meta" else device
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        inputs = [torch.empty(*s, device=device, dtype=dtype) for s in shapes]
        yield fake_copy(model, mode), inputs


def predicted_or_none(
    model: nn.Module, shapes: Sequence[Sequence[int]]
) -> Memory | None:
    """Return the same, or None if the network cannot run without numbers."""
    try:
        return predicted(model, shapes)
    except UNABLE:
        return None


def _measured(model: nn.Module, shapes: Sequence[Sequence[int]]) -> Memory:
    """Return what the allocator of CUDA says."""
    inputs = _zeros(model, shapes)
    device = inputs[0].device
    with undisturbed(model):
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        model(*inputs)
        torch.cuda.synchronize(device)
        peak = torch.cuda.max_memory_allocated(device) - before
    return Memory(peak_bytes=peak, saved_bytes=_saved(model, inputs), measured=True)


def _saved(model: nn.Module, inputs: Sequence[Tensor]) -> int:
    """Return what is kept in training, or in evaluation where it cannot train."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        for module, _ in modes:
            module.training = True
        return saved_bytes(model, *inputs)
    except UNABLE:
        for module, _ in modes:
            module.training = False
        return saved_bytes(model, *inputs)
    finally:
        for module, training in modes:
            module.training = training


def _zeros(model: nn.Module, shapes: Sequence[Sequence[int]]) -> list[Tensor]:
    device, dtype = device_and_dtype(model)
    return [torch.zeros(*shape, device=device, dtype=dtype) for shape in shapes]


def _tensors_of(function: Callable[..., Any]) -> Iterable[Tensor]:
    if not isinstance(function, nn.Module):
        return ()
    return chain(function.parameters(), function.buffers())


def _learned(x: Tensor) -> Tensor:
    return x.detach().requires_grad_() if x.is_floating_point() else x
