"""Moments of a map, and its sigmoid-scaled self: logits are affine in each channel."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from foveate.ops.kernels.triton._common import (
    MEDIUM,
    add_up,
    launch,
    parts_of,
    place_in_tile,
    plane_tiles,
    sigmoid,
)
from foveate.ops.kernels.triton._moments import moments_of_planes

__all__ = [
    "affine_sigmoid_scale",
    "affine_sigmoid_scale_backward",
    "moments",
    "moments_backward",
]


def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and variance of each channel of each image, float32."""
    return moments_of_planes(x.contiguous(), divisor=float(x.shape[2] * x.shape[3]))


def moments_backward(
    dmean: Tensor, dvariance: Tensor, x: Tensor, mean: Tensor
) -> Tensor:
    """Return the gradient of the map that had these moments."""
    x, mean = x.contiguous(), mean.contiguous()
    dx = torch.empty_like(x)
    given = (dmean.contiguous(), dvariance.contiguous())
    launch(_moments_backward, plane_tiles(x, MEDIUM), *given, x, mean, dx)
    return dx


def affine_sigmoid_scale(
    x: Tensor, weight: Tensor, bias: Tensor, groups: int
) -> Tensor:
    """Return ``x`` scaled by the sigmoid of ``weight * x + bias``, and shuffled."""
    x, weight, bias = x.contiguous(), weight.contiguous(), bias.contiguous()
    y = torch.empty_like(x)
    shape = (weight.numel(), groups, x.shape[1])
    launch(_affine, plane_tiles(x, MEDIUM), x, weight, bias, y, *shape)
    return y


def affine_sigmoid_scale_backward(
    dy: Tensor, x: Tensor, weight: Tensor, bias: Tensor, groups: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of the map, of the weights and of the biases."""
    dy, x, weight, bias = (value.contiguous() for value in (dy, x, weight, bias))
    dx, dweight, dbias = (torch.empty_like(value) for value in (x, weight, bias))
    batch, channels = x.shape[:2]
    tiles = plane_tiles(x)
    # weights that the images share: the parts of all images are added up
    outer = weight.shape[0]
    count = tiles.cuts * batch if outer == 1 else tiles.cuts
    weight_parts = parts_of(dweight, outer, count, channels)
    bias_parts = parts_of(dbias, outer, count, channels)
    tensors = (dy, x, weight, bias, dx, weight_parts, bias_parts)
    launch(_affine_backward, tiles, *tensors, weight.numel(), groups, channels)
    add_up(weight_parts, dweight)
    add_up(bias_parts, dbias)
    return dx, dweight, dbias


@triton.jit
def _moments_backward(
    dmean, dvariance, x, mean, dx, planes, places, chunks,
    tile_planes: tl.constexpr, tile_places: tl.constexpr,
):  # fmt: skip
    plane, place, inside = place_in_tile(
        planes, places, chunks, tile_planes, tile_places
    )
    exists = plane < planes
    centre = tl.load(mean + plane, exists, 0.0)
    slope = 2.0 * tl.load(dvariance + plane, exists, 0.0).to(tl.float32) / places
    own = tl.load(dmean + plane, exists, 0.0).to(tl.float32) / places
    offset = plane * places + place
    values = tl.load(x + offset, inside, 0.0).to(tl.float32)
    # a mean that is not finite makes all gradients NaN, as in the reference
    found = own + slope * (values - centre) + (centre - centre)
    tl.store(dx + offset, found, inside)


@triton.jit
def _shuffled(plane, channels, groups):
    """Return where a channel goes: ``g * C / groups + j`` to ``groups * j + g``."""
    run = channels // groups
    channel = plane % channels
    return plane - channel + channel % run * groups + channel // run


@triton.jit
def _affine(
    x, weight, bias, y, weights, groups, channels, planes, places, chunks,
    tile_planes: tl.constexpr, tile_places: tl.constexpr,
):  # fmt: skip
    plane, place, inside = place_in_tile(
        planes, places, chunks, tile_planes, tile_places
    )
    values = tl.load(x + plane * places + place, inside, 0.0).to(tl.float32)
    # shared by the images, or one for each plane
    of_weight = plane % weights
    slope = tl.load(weight + of_weight, plane < planes, 0.0).to(tl.float32)
    shift = tl.load(bias + of_weight, plane < planes, 0.0).to(tl.float32)
    scaled = values * sigmoid(slope * values + shift)
    target = _shuffled(plane, channels, groups)
    tl.store(y + target * places + place, scaled, inside)


@triton.jit
def _affine_backward(
    dy, x, weight, bias, dx, weight_parts, bias_parts,
    weights, groups, channels, planes, places, chunks,
    tile_planes: tl.constexpr, tile_places: tl.constexpr,
):  # fmt: skip
    plane, place, inside = place_in_tile(
        planes, places, chunks, tile_planes, tile_places
    )
    exists = plane < planes
    source = _shuffled(plane, channels, groups)
    gradient = tl.load(dy + source * places + place, inside, 0.0).to(tl.float32)
    values = tl.load(x + plane * places + place, inside, 0.0).to(tl.float32)
    of_weight = plane % weights
    slope = tl.load(weight + of_weight, exists, 0.0).to(tl.float32)
    shift = tl.load(bias + of_weight, exists, 0.0).to(tl.float32)
    gate = sigmoid(slope * values + shift)
    through = gradient * values * gate * (1.0 - gate)
    tl.store(dx + plane * places + place, gradient * gate + slope * through, inside)
    # 0 where there is no place, whatever weight and bias are
    through = tl.where(inside, through, 0.0)
    dweight = tl.sum(through * values, 1, keep_dims=True)
    dbias = tl.sum(through, 1, keep_dims=True)
    part = plane // channels * chunks + tl.program_id(0) % chunks
    offset = part * channels + plane % channels
    tl.store(weight_parts + offset, dweight, exists)
    tl.store(bias_parts + offset, dbias, exists)
