"""Whether our block and its textbook form give the same numbers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

import foveate as fv
from benchmarks import textbook
from foveate import catalog

__all__ = ["create_both", "disagreements", "distance", "options_for"]

CHANNELS = 64
SIZES = ((9, 7), (5, 12))
LARGEST_DISTANCE = 1e-4
# where the place of a maximum decides, another order of sums may decide otherwise
LARGEST_DISTANCE_OF_GRADIENTS = 1e-3


def options_for(name: str, size: tuple[int, int]) -> dict[str, object]:
    """Return the option that a block of one size cannot be made without."""
    return {"spatial_size": size} if catalog.card(name).sized else {}


def create_both(
    name: str, channels: int, size: tuple[int, int]
) -> tuple[nn.Module, nn.Module]:
    """Return our block and its textbook form with the same weights.

    All weights and statistics are moved, so that no gate is open and no scale is 0.
    """
    options = options_for(name, size)
    ours = fv.create(name, channels, **options)
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in ours.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=random))
        for key, buffer in ours.named_buffers():
            if key.endswith("running_mean"):
                buffer.add_(0.1 * torch.randn(buffer.shape, generator=random))
            elif key.endswith("running_var"):
                buffer.mul_(0.5 + torch.rand(buffer.shape, generator=random))
    other = textbook.create(name, channels, **options)
    textbook.copy_weights(ours, other)
    return ours, other


def disagreements(name: str) -> list[str]:
    """Return where our block and its textbook form differ: outputs and gradients.

    On odd sizes, in evaluation and in training.
    """
    found = []
    for size in SIZES:
        for training in (False, True):
            both = create_both(name, CHANNELS, size)
            answers = [_answers(block.train(training), size) for block in both]
            mode = "training" if training else "evaluation"
            found += [
                f"{what} in {mode} at {size[0]}x{size[1]}: {far:.1e} apart"
                for what, far in _distances(*answers).items()
                if not far <= _tolerance(what)
            ]
    return found


def distance(one: Tensor, other: Tensor, *, least: float = 1e-6) -> float:
    """Return how far apart tensors are, as a share of the second's length.

    Args:
        one: A tensor.
        other: Another of the same shape.
        least: A length below it counts as this.
    """
    difference = (one.double() - other.double()).norm()
    return (difference / other.double().norm().clamp(min=least)).item()


def _answers(block: nn.Module, size: tuple[int, int]) -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(1)
    x = torch.randn(2, CHANNELS, *size, generator=random).requires_grad_()
    y = block(x)
    y.backward(torch.randn(y.shape, generator=random))
    gradients = {
        f"gradient of {key}": parameter.grad
        for key, parameter in block.named_parameters()
    }
    buffers = {key: b.float() for key, b in block.named_buffers() if "running" in key}
    return {"output": y.detach(), "gradient of x": x.grad, **gradients, **buffers}


def _distances(ours: dict[str, Tensor], other: dict[str, Tensor]) -> dict[str, float]:
    # what a softmax or a BatchNorm takes no notice of has gradients of mere noise
    noise = 1e-3 * other["gradient of x"].norm().item()
    return {
        what: distance(
            ours[what].reshape(value.shape),
            value,
            least=noise if what.startswith("gradient") else 1e-6,
        )
        for what, value in other.items()
    }


def _tolerance(what: str) -> float:
    if what.startswith("gradient"):
        return LARGEST_DISTANCE_OF_GRADIENTS
    return LARGEST_DISTANCE
