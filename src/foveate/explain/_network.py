"""The network within its wrappers, and its tensors fit for gradients."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from foveate.surgery._wrapped import unwrapped
from foveate.surgery.running import device_and_dtype

__all__ = [
    "alone",
    "as_written",
    "moved",
    "network_of",
    "without_inference_tensors",
]

Store = dict[str, Any]

# modes, hooks and random numbers are put back in the order in which they were taken
_ONE_AT_A_TIME = threading.RLock()


def network_of(model: nn.Module) -> nn.Module:
    """Return the network within its wrappers: DDP, ``torch.compile``, a ``YOLO``.

    Raises:
        OptionError: It is no module.
    """
    network = unwrapped(model)
    inner = network._modules.get("model")  # noqa: SLF001
    # a YOLO reads files and draws boxes when called; by duck typing, as it is no extra
    wraps = inner is not None and isinstance(vars(inner).get("yaml"), dict)
    return inner if wraps and inner is not None else network


def moved(x: Tensor, network: nn.Module, *, copy: bool = False) -> Tensor:
    """Return images where a network is, and in its precision if they are no integers.

    Args:
        x: The images; gradients end here.
        network: See ``network_of``.
        copy: Whether to copy them even if they are there, as for a network that may
            change its input.
    """
    device, dtype = device_and_dtype(network)
    own = dtype if x.is_floating_point() else x.dtype
    return x.detach().to(device, own, copy=copy)


def as_written() -> AbstractContextManager[Any]:
    """Keep compiled code from running, which would not notice the hooks."""
    # without the compiler nothing is compiled, and importing it takes seconds
    loaded = "torch._dynamo" in sys.modules
    return torch.compiler.set_stance("force_eager") if loaded else nullcontext()


@contextmanager
def alone(network: nn.Module) -> Iterator[None]:
    """Let other threads wait until a network has been looked at and put back.

    Copies stand for its tensors that were made under ``torch.inference_mode``.
    """
    with _ONE_AT_A_TIME, without_inference_tensors(network):
        yield


@contextmanager
def without_inference_tensors(network: nn.Module) -> Iterator[None]:
    """Let copies stand for tensors that were made under ``torch.inference_mode``.

    Such a tensor takes part in no gradient; parameters and buffers may be such, and so
    may what a module has kept of an earlier run, such as the anchors of a detector.
    Afterwards each is back in its place.
    """
    taken: list[tuple[Store, str, Tensor, Tensor]] = []
    try:
        for store in _stores(network):
            for name, value in store.items():
                if isinstance(value, Tensor) and value.is_inference():
                    taken.append((store, name, value, _copied(value)))
        for store, name, _, copy in taken:
            store[name] = copy
        yield
    finally:
        for store, name, value, copy in taken:
            # what the module has made anew meanwhile is its own
            if store.get(name) is copy:
                store[name] = value


def _stores(network: nn.Module) -> Iterator[Store]:
    for module in network.modules():
        own = vars(module)
        yield from (own, own["_parameters"], own["_buffers"])


def _copied(value: Tensor) -> Tensor:
    with torch.inference_mode(mode=False), torch.no_grad():
        copy = value.clone()
    return nn.Parameter(copy, value.requires_grad) if _is_parameter(value) else copy


def _is_parameter(value: Tensor) -> bool:
    return isinstance(value, nn.Parameter)
