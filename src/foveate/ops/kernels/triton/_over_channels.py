"""Programs that own some places of an image and go through its channels."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from foveate.ops.kernels.triton._common import (
    add_up,
    channel_tiles,
    launch,
    parts_of,
)

__all__ = ["place_of_program", "scale_backward"]


def scale_backward(
    dy: Tensor, x: Tensor, channel: Tensor | None, place: Tensor
) -> tuple[Tensor, Tensor | None, Tensor]:
    """Return the gradients of ``x``, of the channels' gate and of the places' gate."""
    dx, dplace = torch.empty_like(x), torch.empty_like(place)
    dchannel = None if channel is None else torch.empty_like(channel)
    tiles, parts = channel_tiles(x), None
    if dchannel is not None:
        parts = parts_of(dchannel, x.shape[0], tiles.cuts, x.shape[1])
    launch(_scale_backward, tiles, dy, x, channel, place, dx, parts, dplace)
    if parts is not None and dchannel is not None:
        add_up(parts, dchannel)
    return dx, dchannel, dplace


@triton.jit
def place_of_program(places, blocks, tile_places: tl.constexpr):
    """Return this program, its image, its places as a row, and which exist."""
    program = tl.program_id(0).to(tl.int64)
    place = program % blocks * tile_places + tl.arange(0, tile_places)[None, :]
    return program, program // blocks, place, place < places


@triton.jit
def _scale_backward(
    dy, x, channel_gate, place_gate, dx, parts, dplace, channels, places, blocks,
    tile_channels: tl.constexpr, tile_places: tl.constexpr,
):  # fmt: skip
    program, image, place, exists = place_of_program(places, blocks, tile_places)
    at = image * places + place
    place_scale = tl.load(place_gate + at, exists, 0.0).to(tl.float32)
    sums = tl.zeros((tile_channels, tile_places), tl.float32)
    for start in range(0, channels, tile_channels):
        channel = start + tl.arange(0, tile_channels)[:, None]
        inside = (channel < channels) & exists
        plane = image * channels + channel
        offset = plane * places + place
        gradient = tl.load(dy + offset, inside, 0.0).to(tl.float32)
        product = gradient * tl.load(x + offset, inside, 0.0).to(tl.float32)
        if channel_gate is not None:
            scale = tl.load(channel_gate + plane, channel < channels, 0.0)
            scale = scale.to(tl.float32)
            # 0 where there is no place, whatever the gates are
            weighed = tl.where(inside, product * place_scale, 0.0)
            found = tl.sum(weighed, 1, keep_dims=True)
            part = program * channels + channel
            tl.store(parts + part, found, channel < channels)
            gradient *= scale
            product *= scale
        tl.store(dx + offset, gradient * place_scale, inside)
        sums += product
    tl.store(dplace + at, tl.sum(sums, 0, keep_dims=True), exists)
