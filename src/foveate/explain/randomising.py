"""Networks that know nothing, to check that a heat map shows what was learned.

A map that looks the same when the weights are drawn anew shows the image, not the
network. Maps of random networks are not blind, though: every filter answers to what is
bright, so near the input they lie on bright objects more than by chance, and scores are
to be compared with theirs. Grad-CAM at the last layer is at chance.

Source: Adebayo, Gilmer, Muelly, Goodfellow, Hardt, Kim (2018), Sanity Checks for
Saliency Maps, https://arxiv.org/abs/1810.03292, section 3: weights are drawn anew layer
by layer, from the last on, until none is left.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain

import torch
from torch import nn

from foveate import _checks, _traces
from foveate.errors import OptionError, UnknownNameError

__all__ = ["randomised"]


def randomised(
    model: nn.Module, seed: int = 0, layers: int | Sequence[str] | None = None
) -> nn.Module:
    """Return a copy of a network whose weights are drawn anew.

    Each layer draws as it did when it was made (``reset_parameters``), and its running
    statistics begin anew with it: those that were learned belong to weights that are
    gone. Parameters that a module holds without a way to draw them, such as factors of
    blocks and position embeddings, are put in a random order, which keeps their mean
    and their spread; a single number stays.

    Args:
        model: The network; it is not touched, nor are torch's random numbers.
        seed: Of what is drawn.
        layers: Which layers: the last so many that have parameters, in the order in
            which the network names them; or the paths of layers or of what holds them,
            such as ``["layer4", "fc"]``. None: all.

    Raises:
        OptionError: ``layers`` is not greater than 0, no layer has parameters, or they
            are on the meta device; or the network cannot be copied.
        UnknownNameError: No layer with parameters has, or lies under, such a path.

    Example:
        >>> from torch import nn
        >>> model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
        >>> other = randomised(model, seed=1, layers=1)
        >>> bool((other[0].weight == model[0].weight).all())
        True
        >>> bool((other[1].weight == model[1].weight).any())
        False
    """
    if any(tensor.is_meta for tensor in model.parameters()):
        raise OptionError(
            f"randomised: {type(model).__name__} is on the meta device, where it has "
            "no weights. Load it to a device first."
        )
    try:
        other = copy.deepcopy(model)
    # tensors with a history, such as those of the old weight_norm
    except RuntimeError as problem:
        raise OptionError(
            f"randomised: {type(model).__name__} cannot be copied: "
            f"{_traces.in_one_line(problem)}. Give a copy of your own."
        ) from problem
    chosen = _chosen(other, layers)
    with _seeded(other, seed), torch.no_grad():
        for layer in chosen:
            _draw(layer)
    return other


def _chosen(model: nn.Module, layers: int | Sequence[str] | None) -> list[nn.Module]:
    """Return the modules with parameters of their own, those that were asked for."""
    held = {
        path: module
        for path, module in model.named_modules()
        # a BatchNorm without parameters has learned its statistics
        if next(module.parameters(recurse=False), None) is not None
        or hasattr(module, "reset_running_stats")
    }
    if not held:
        raise OptionError(f"randomised: {type(model).__name__} has no parameters.")
    if layers is None:
        return list(held.values())
    if isinstance(layers, int):
        _checks.positive("randomised", layers=layers)
        return list(held.values())[-layers:]
    names = [layers] if isinstance(layers, str) else list(layers)
    for name in names:
        if not any(_is_under(path, name) for path in held):
            raise UnknownNameError(
                f"randomised: no layer with parameters at '{name}'. "
                f"{_checks.suggest(name, held)}"
            )
    return [
        module
        for path, module in held.items()
        if any(_is_under(path, name) for name in names)
    ]


def _is_under(path: str, name: str) -> bool:
    return path == name or path.startswith(f"{name}.")


def _draw(layer: nn.Module) -> None:
    """Draw the parameters of one module anew."""
    before = [tensor.clone() for tensor in layer.parameters(recurse=False)]
    reset = getattr(layer, "reset_parameters", None)
    # one that wants arguments is known only to its network
    if callable(reset) and not inspect.signature(reset).parameters:
        reset()
    for tensor, was in zip(layer.parameters(recurse=False), before, strict=True):
        # a layer may know of some of its parameters only, or write beside them
        if tensor.equal(was):
            order = torch.randperm(tensor.numel(), device=tensor.device)
            tensor.copy_(was.flatten()[order].view_as(was))


@contextmanager
def _seeded(model: nn.Module, seed: int) -> Iterator[None]:
    """Begin the random numbers of a network's devices anew, and put them back."""
    tensors = chain(model.parameters(), model.buffers())
    devices = {tensor.device.index for tensor in tensors if tensor.is_cuda}
    with torch.random.fork_rng(devices=devices):
        # torch.manual_seed would reach devices that are not put back
        for generator in (
            torch.default_generator,
            *(torch.cuda.default_generators[index] for index in devices),
        ):
            generator.manual_seed(seed)
        yield
