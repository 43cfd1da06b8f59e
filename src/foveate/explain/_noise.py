"""Noisy copies of images, to average maps over."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

__all__ = ["noisy"]

NOISE = 0.15
"""Its standard deviation, as a share of the range of the image; the paper advises
0.1 to 0.2."""


def noisy(x: Tensor, copies: int) -> Iterator[Tensor]:
    """Return copies of images with normal noise, the same at each call.

    The noise of an image depends neither on the other images nor on the device.

    Source: Smilkov et al. (2017), https://arxiv.org/abs/1706.03825.
    """
    low, high = x.amin(dim=(1, 2, 3), keepdim=True), x.amax(dim=(1, 2, 3), keepdim=True)
    generator = torch.Generator().manual_seed(0)
    for _ in range(copies):
        noise = torch.randn(x.shape[1:], generator=generator)
        yield x + NOISE * (high - low) * noise.to(x)
