"""Modulation by levels, a few images at a time, with only its input saved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.flop_counter import register_flop_formula

from foveate.ops.kernels import native
from foveate.ops.kernels._operation import operation
from foveate.ops.precision import without_autocast

__all__ = ["modulate_by_levels", "modulate_by_levels_backward"]

LEAST_BYTES = 2**20
"""Images are worked on together up to so many bytes."""


@operation("cpu")
def modulate_by_levels(  # noqa: PLR0917
    x: Tensor,
    kernels: Tensor,
    offsets: Tensor,
    mixing: Tensor,
    bias: Tensor,
    levels: int,
) -> Tensor:
    """Return ``x`` scaled by the GELU of what its levels hold."""
    y = x.new_empty(x.shape)
    weights = _Weights(kernels, offsets, mixing.flatten(1), bias[:, None], levels)
    with without_autocast(x):
        for images in _chunks(x):
            gate = _mixed(weights, _joined(weights, x[images])[0], y[images])
            native.call("fv_gelu_scale", x[images], gate, gate, *_planes(x[images]))
    return y


@modulate_by_levels.register_fake
def _(x: Tensor, *_: Any) -> Tensor:
    return torch.empty_like(x, memory_format=torch.contiguous_format)


@operation("cpu")
def modulate_by_levels_backward(  # noqa: PLR0917
    gradient: Tensor,
    x: Tensor,
    kernels: Tensor,
    offsets: Tensor,
    mixing: Tensor,
    bias: Tensor,
    levels: int,
) -> list[Tensor]:
    """Return the gradients of the map and of the four weights."""
    weights = _Weights(kernels, offsets, mixing.flatten(1), bias[:, None], levels)
    dx = x.new_empty(x.shape)
    found = [w.new_zeros(w.shape) for w in (kernels, offsets, mixing, bias)]
    # a gradient may be asked for where autocast is on; values are read as floats
    with without_autocast(x):
        for images in _chunks(x):
            _back_images(weights, x[images], gradient[images], dx[images], found)
    return [dx, *found]


@modulate_by_levels_backward.register_fake
def _(gradient: Tensor, *given: Any) -> list[Tensor]:  # noqa: ARG001
    tensors = [value for value in given if isinstance(value, Tensor)]
    return [torch.empty(w.shape, dtype=w.dtype, device=w.device) for w in tensors]


class _Weights(NamedTuple):
    """Kernels and offsets of all levels one after another, and the mixing of all."""

    kernels: Tensor
    offsets: Tensor
    mixing: Tensor
    bias: Tensor
    levels: int

    def of_level(self, number: int) -> tuple[slice, Tensor, Tensor]:
        """Return its channels, its kernels and its offsets."""
        width = len(self.kernels) // self.levels
        channels = slice(number * width, (number + 1) * width)
        return channels, self.kernels[channels], self.offsets[channels]


def _joined(weights: _Weights, x: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Return the answers of all levels in the size of ``x``, and their maxima."""
    joined, pooled = x.new_empty(x.shape), []
    for number in range(weights.levels):
        channels, kernels, offsets = weights.of_level(number)
        share, target = x[:, channels], joined[:, channels]
        if number == 0:
            target.copy_(_convolved(share, kernels, offsets))
            continue
        small = _max_pool(share, 2**number)
        pooled.append(small)
        answer = _convolved(small, kernels, offsets).contiguous()
        native.call("fv_nearest", answer, *_sizes(target, answer, target))
    return joined, pooled


def _back_images(
    weights: _Weights, x: Tensor, gradient: Tensor, dx: Tensor, found: list[Tensor]
) -> None:
    """Write the gradient of some images, and add to those of the weights."""
    joined, pooled = _joined(weights, x)
    logits = _mixed(weights, joined, x.new_empty(x.shape))
    native.call(
        "fv_gelu_scale_backward",
        *(gradient.contiguous(), x, logits, dx, logits, *_planes(x)),
    )
    steep = logits.flatten(2)
    found[2].flatten(1).add_((steep @ joined.flatten(2).transpose(1, 2)).sum(0))
    found[3].add_(steep.sum(dim=(0, 2)))
    down = weights.mixing.t().expand(len(x), -1, -1) @ steep
    _back_levels(weights, down.view(x.shape), (x, *pooled), dx, found)


def _back_levels(
    weights: _Weights,
    down: Tensor,
    inputs: Sequence[Tensor],
    dx: Tensor,
    found: list[Tensor],
) -> None:
    """Add to the gradients of the map, the kernels and the offsets."""
    x = inputs[0]
    for number in range(weights.levels):
        channels, kernels, _ = weights.of_level(number)
        share, up = x[:, channels], down[:, channels]
        small = share if number == 0 else inputs[number]
        if number > 0:
            whole, up = up, small.new_empty(small.shape)
            native.call("fv_nearest_backward", whole, *_sizes(up, up, whole))
        of_small, of_kernels, of_offsets = torch.ops.aten.convolution_backward(
            *(up, small, kernels, [len(kernels)], [1, 1], [1, 1], [1, 1]),
            *(False, [0, 0], len(kernels), [True, True, True]),
        )
        found[0][channels] += of_kernels
        found[1][channels] += of_offsets
        target = dx[:, channels]
        if number == 0:
            target += of_small
            continue
        native.call(
            "fv_max_pool_backward",
            *(of_small.contiguous(), share, target, *share.shape),
            *(share.stride(0), target.stride(0), *small.shape[2:]),
        )


def _mixed(weights: _Weights, joined: Tensor, out: Tensor) -> Tensor:
    """Write the 1x1 convolution of all levels to ``out``."""
    for source, target in zip(joined, out, strict=True):
        torch.addmm(
            weights.bias, weights.mixing, source.flatten(1), out=target.flatten(1)
        )
    return out


def _convolved(x: Tensor, kernels: Tensor, offsets: Tensor) -> Tensor:
    return functional.conv2d(x, kernels, offsets, padding=1, groups=len(kernels))


def _max_pool(x: Tensor, factor: int) -> Tensor:
    rows, columns = (max(side // factor, 1) for side in x.shape[2:])
    pooled = x.new_empty(*x.shape[:2], rows, columns)
    native.call("fv_max_pool", x, *_sizes(pooled, pooled, x))
    return pooled


def _sizes(target: Tensor, small: Tensor, whole: Tensor) -> tuple[Tensor | int, ...]:
    """Return the last arguments of a kernel between a map and a smaller one."""
    return target, *whole.shape, whole.stride(0), *small.shape[2:]


def _planes(x: Tensor) -> tuple[int, int, int]:
    """Return how many images there are, their values, and where each starts."""
    return len(x), x.shape[1:].numel(), x.stride(0)


def _chunks(x: Tensor) -> Iterator[slice]:
    step = max(LEAST_BYTES // (x.shape[1:].numel() * x.element_size()), 1)
    for first in range(0, len(x), step):
        yield slice(first, first + step)


def _count(x: Sequence[int], levels: int) -> tuple[int, int]:
    """Return multiplications of the levels' convolutions, and of their mixing."""
    batch, channels, height, width = x
    places = sum(max(height // 2**i, 1) * max(width // 2**i, 1) for i in range(levels))
    mixing = batch * channels**2 * height * width
    return 9 * batch * channels // levels * places, mixing


@register_flop_formula(torch.ops.foveate.modulate_by_levels)
def _(x: Sequence[int], *given: Any, **_: Any) -> int:
    return 2 * sum(_count(x, given[4]))


@register_flop_formula(torch.ops.foveate.modulate_by_levels_backward)
def _(_: Any, x: Sequence[int], *given: Any, **__: Any) -> int:
    # the forward pass once more, and two products for each of it
    return 6 * sum(_count(x, given[4]))
