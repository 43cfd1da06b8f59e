"""Pooling by the square root of a covariance, without the matrix that is the root.

The steps of Newton and Schulz are polynomials of one symmetric matrix, so they commute,
and only their product with one vector is asked for. Most of them are applied to the
vector and never made.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from foveate.ops.kernels._operation import operation
from foveate.ops.precision import at_least_float32, without_autocast

__all__ = ["pool_by_covariance", "pool_by_covariance_backward"]

LEAST_BYTES = 2**20
SHARE = 8
"""A chunk takes ``LEAST_BYTES``, or one in ``SHARE`` of what the map takes."""

STRIPS = 4
"""A symmetric product is made in so many strips: 10 of 16 parts, and 6 are copied."""

UNMADE = 3
"""How many of the last steps are applied as products of earlier ones."""


@operation()
def pool_by_covariance(x: Tensor, max_side: int, num_iters: int) -> Tensor:
    """Return the mean column of the root, ``(B, C)``, in float32 or better."""
    pooled = torch.empty_like(x[:, :, 0, 0], dtype=_wide(x.dtype))
    with without_autocast(x):
        for images in _chunks(x):
            matrix, _ = _covariance(_middle(x[images], max_side))
            pooled[images] = _Steps(matrix, num_iters).mean_column()
    return pooled


@pool_by_covariance.register_fake
def _(x: Tensor, max_side: int, num_iters: int) -> Tensor:  # noqa: ARG001
    return torch.empty_like(x[:, :, 0, 0], dtype=_wide(x.dtype))


@operation()
def pool_by_covariance_backward(
    gradient: Tensor, x: Tensor, max_side: int, num_iters: int
) -> Tensor:
    """Return the gradient of the map, which is 0 off its middle."""
    found = torch.empty_like(x, memory_format=torch.contiguous_format)
    if max(x.shape[2], x.shape[3]) > max_side:
        found.zero_()
    with without_autocast(x):
        for images in _chunks(x):
            matrix, centred = _covariance(_middle(x[images], max_side))
            steps = _Steps(matrix, num_iters)
            steps.mean_column()
            slope = steps.gradient(gradient[images]) * (2 / centred.shape[2])
            target = _middle(found[images], max_side)
            target.copy_((slope @ centred).view(target.shape))
    return found


@pool_by_covariance_backward.register_fake
def _(gradient: Tensor, x: Tensor, max_side: int, num_iters: int) -> Tensor:  # noqa: ARG001
    return torch.empty_like(x, memory_format=torch.contiguous_format)


class _Steps:
    """The steps towards the root of symmetric matrices, applied to one vector.

    With ``P_0`` the matrix over its trace, ``T_k = (3 - P_k) / 2`` and ``P_{k+1} = P_k
    T_k^2``, the root is ``P_0 T_0 T_1 ...`` times the root of the trace.

    Attributes:
        powers: The first of the ``P_k``, ``(B, C, C)``.
        past: What each of them was multiplied by, in order.
    """

    def __init__(self, matrix: Tensor, num_iters: int) -> None:
        trace = matrix.diagonal(dim1=1, dim2=2).sum(dim=1)[:, None, None]
        self.least = torch.finfo(matrix.dtype).tiny
        self.is_zero = trace < self.least
        self.trace = trace.clamp(min=self.least)
        self.num_iters = num_iters
        self.powers = [matrix / self.trace]
        for _ in range(_made(num_iters)):
            self.powers.append(_next_power(self.powers[-1]))
        self.past: list[tuple[int, Tensor]] = []
        self.slopes: list[list[tuple[Tensor, Tensor]]] = [[] for _ in self.powers]

    def mean_column(self) -> Tensor:
        """Return the mean column of the root, ``(B, C)``."""
        power = self.powers[0]
        vector = power.new_full((*power.shape[:2], 1), 1 / power.shape[1])
        for number in range(self.num_iters):
            vector = self._step(number, vector)
        self.column = self._product(0, vector)
        return (self.trace.sqrt() * self.column)[:, :, 0]

    def gradient(self, of_column: Tensor) -> Tensor:
        """Return the gradient of the matrices, made symmetric."""
        up = of_column[:, :, None].to(self.trace.dtype)
        vector = self._back_product(0, self.trace.sqrt() * up)
        for number in reversed(range(self.num_iters)):
            vector = self._back_step(number, vector)
        slope = self._slope(-1)
        for number in reversed(range(len(self.powers) - 1)):
            slope = _back_power(self.powers[number], slope) + self._slope(number)
        over_trace = (up * self.column).sum(dim=1, keepdim=True) / 2
        over_trace = over_trace / self.trace.sqrt()
        shrunk = (slope * self.powers[0]).sum(dim=(1, 2), keepdim=True) / self.trace
        of_trace = (over_trace - shrunk).masked_fill(self.is_zero, 0)
        slope = slope / self.trace
        slope.diagonal(dim1=1, dim2=2).add_(of_trace[:, :, 0])
        return slope

    def _slope(self, number: int) -> Tensor:
        """Return the gradient of a power by the vectors that it was multiplied by."""
        ups = torch.cat([up for up, _ in self.slopes[number]], dim=2)
        vectors = torch.cat([vector for _, vector in self.slopes[number]], dim=2)
        slope = ups @ vectors.transpose(1, 2)
        return (slope + slope.transpose(1, 2)) / 2

    def _product(self, number: int, vector: Tensor) -> Tensor:
        """Return ``P_number`` times a vector."""
        if number < len(self.powers):
            self.past.append((number, vector))
            return self.powers[number] @ vector
        vector = self._product(number - 1, vector)
        return self._step(number - 1, self._step(number - 1, vector))

    def _step(self, number: int, vector: Tensor) -> Tensor:
        return 1.5 * vector - 0.5 * self._product(number, vector)

    def _back_product(self, number: int, up: Tensor) -> Tensor:
        """Return the gradient of the vector, and note that of the matrix."""
        if number < len(self.powers):
            _, vector = self.past.pop()
            self.slopes[number].append((up, vector))
            return self.powers[number] @ up
        up = self._back_step(number - 1, self._back_step(number - 1, up))
        return self._back_product(number - 1, up)

    def _back_step(self, number: int, up: Tensor) -> Tensor:
        return 1.5 * up + self._back_product(number, -0.5 * up)


def _next_power(power: Tensor) -> Tensor:
    """Return ``P (3 - P)^2 / 4``."""
    square = _symmetric(power, power)
    cube = _symmetric(power, square)
    return cube.mul_(0.25).add_(power, alpha=2.25).sub_(square, alpha=1.5)


def _back_power(power: Tensor, up: Tensor) -> Tensor:
    """Return the gradient of ``P`` from that of ``P (3 - P)^2 / 4``, symmetric too."""
    once = up @ power
    twice = once @ power
    around = torch.baddbmm(9 * up, power, once)
    both = twice - 6 * once
    return (around + both + both.transpose(1, 2)) / 4


def _made(num_iters: int) -> int:
    return max(num_iters - 1 - UNMADE, 0)


def _covariance(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return ``(B, C, C)``, and the centred map, ``(B, C, N)``."""
    flat = at_least_float32(x).flatten(2)
    centred = flat - flat.mean(dim=2, keepdim=True)
    products = _symmetric(centred, centred.transpose(1, 2))
    return products.div_(centred.shape[2]), centred


def _symmetric(left: Tensor, right: Tensor) -> Tensor:
    """Return a product that is known to be symmetric, by little over half of it."""
    channels = left.shape[1]
    product = left.new_empty((left.shape[0], channels, channels))
    for start, end in _strips(channels):
        strip = left[:, start:end] @ right[:, :, start:]
        product[:, start:end, start:] = strip
        product[:, end:, start:end] = strip[:, :, end - start :].transpose(1, 2)
    return product


def _strips(channels: int) -> list[tuple[int, int]]:
    """Return where strips of rows start and end, those right of their start made."""
    step = -(-channels // STRIPS)
    return [(first, min(first + step, channels)) for first in range(0, channels, step)]


def _middle(x: Tensor, most: int) -> Tensor:
    """Return the middle of a map, at most so many rows and columns."""
    for dim in (2, 3):
        side = min(x.shape[dim], most)
        x = x.narrow(dim, (x.shape[dim] - side) // 2, side)
    return x


def _chunks(x: Tensor) -> Iterator[slice]:
    """Yield images, as many at a time as their maps and matrices may take."""
    batch, channels, height, width = x.shape
    each = channels * (height * width + 6 * channels) * 4
    most = max(LEAST_BYTES, x.numel() * x.element_size() // SHARE)
    step = max(most // each, 1)
    for first in range(0, batch, step):
        yield slice(first, first + step)


def _wide(dtype: torch.dtype) -> torch.dtype:
    return torch.promote_types(dtype, torch.float32)


def _count(shape: tuple[int, ...], max_side: int, num_iters: int) -> tuple[int, ...]:
    """Return multiplications, and what they are of.

    Returns:
        Those of a covariance, of the powers that are made, of the vectors, and of one
        whole product of two matrices.
    """
    batch, channels, height, width = shape
    places = min(height, max_side) * min(width, max_side)
    parts = sum((end - start) * (channels - start) for start, end in _strips(channels))
    # a step not made takes three times the products of the one before it
    vectors = 1 + sum(3 ** max(k - _made(num_iters), 0) for k in range(num_iters))
    square = batch * channels**2
    powers = 2 * _made(num_iters) * parts * channels
    return batch * parts * places, batch * powers, square * vectors, square * channels


@register_flop_formula(torch.ops.foveate.pool_by_covariance)
def _(x: tuple[int, ...], max_side: int, num_iters: int, **_: Any) -> int:
    return 2 * sum(_count(x, max_side, num_iters)[:3])


@register_flop_formula(torch.ops.foveate.pool_by_covariance_backward)
def _(_: Any, x: tuple[int, ...], max_side: int, num_iters: int, **__: Any) -> int:
    spread, powers, vectors, product = _count(x, max_side, num_iters)
    _batch, channels, height, width = x
    places = min(height, max_side) * min(width, max_side)
    of_map = product * places // channels
    of_powers = 3 * _made(num_iters) * product
    return 2 * (spread + of_map + powers + of_powers + 3 * vectors)
