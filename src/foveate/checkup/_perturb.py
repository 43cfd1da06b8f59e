"""Move weights away from their start, so that none hides a fault."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["perturb"]

SMALLEST_FACTOR, LARGEST_FACTOR = 0.6, 1.4


def perturb(block: nn.Module) -> None:
    """Move every parameter and every running statistic of ``block``.

    A value keeps its sign and its size roughly, since it may be a scale that must be
    positive. Only a 0, such as the last weight of a branch that starts switched off,
    becomes something else.
    """
    generator = torch.Generator().manual_seed(1)

    def between(low: float, high: float, like: torch.Tensor) -> torch.Tensor:
        share = torch.rand(like.shape, generator=generator, dtype=torch.float64)
        return (low + (high - low) * share).to(like)

    with torch.no_grad():
        for parameter in block.parameters():
            if not parameter.is_floating_point():
                continue
            fan_in = max(parameter[0].numel(), 1) if parameter.dim() > 1 else 1
            sign = between(-1, 1, parameter).sign()
            fill = sign * between(0.2, 0.6, parameter) / fan_in**0.5
            moved = parameter * between(SMALLEST_FACTOR, LARGEST_FACTOR, parameter)
            parameter.copy_(torch.where(parameter == 0, fill, moved))
        for name, buffer in block.named_buffers():
            if name.endswith("running_mean"):
                buffer.add_(between(-0.3, 0.3, buffer))
            elif name.endswith("running_var"):
                buffer.mul_(between(SMALLEST_FACTOR, LARGEST_FACTOR, buffer))
