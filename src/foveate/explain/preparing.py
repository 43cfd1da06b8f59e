"""Give a network an image in the way that it takes images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from foveate.errors import ImageError, OptionError
from foveate.explain._asked import scaling_of, sides_of
from foveate.explain._customs import customs_of
from foveate.explain._network import network_of
from foveate.pictures.seen import Picture
from foveate.surgery.running import device_and_dtype

__all__ = ["Preparation", "picture_of", "preparation_of", "prepare"]

MOST_ELONGATED = 4
"""How many times its shorter side the longer side of an input has at most."""

GREY = 1
COLOURS = 3
IMAGE_DIMS = 3

SLACK = 0.05
"""How far values may lie beyond 0 to 1 that are drawn as they are."""


@dataclass(frozen=True)
class Preparation:
    """How an image becomes the input of a network.

    The whole image is resized, never cut or padded, so a map of the input is one of
    the image.

    Attributes:
        mean: Taken off each channel, of values from 0 to 1.
        std: What each channel is then divided by.
        size: Height and width. With ``keeps_aspect`` only its own ``side`` matters;
            None leaves images at their own size.
        multiple: Height and width are brought to the nearest multiples of this.
        keeps_aspect: Whether the sides keep their proportion, as far as ``multiple``
            allows; if not, every image gets exactly ``size``.
        channels: 1 for grey, or 3.
        source: Where this is from, in words.
        side: The side that ``size`` is about: the ``shorter`` one, where the longer
            has at most 4 times as many pixels, or the ``longer`` one.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    size: tuple[int, int] | None
    multiple: int
    keeps_aspect: bool
    channels: int
    source: str
    side: Literal["shorter", "longer"] = "shorter"

    def size_for(self, height: int, width: int) -> tuple[int, int]:
        """Return height and width of the input for an image of this size.

        Example:
            >>> how = Preparation((0.5,), (0.5,), (224, 224), 32, True, 1, "given")
            >>> how.size_for(427, 640)
            (224, 320)
        """
        if self.size is not None and not self.keeps_aspect:
            return self.size
        shorter, longer = min(height, width), max(height, width)
        share = 1.0
        if self.size is not None and self.side == "longer":
            share = max(self.size) / longer
        elif self.size is not None:
            side = min(self.size)
            share = min(side / shorter, MOST_ELONGATED * side / longer)
        return self._near(height * share), self._near(width * share)

    def _near(self, length: float) -> int:
        return max(round(length / self.multiple), 1) * self.multiple

    def __str__(self) -> str:
        """Say it in a sentence, for people."""
        size = "at their own size"
        if self.size is not None and not self.keeps_aspect:
            size = f"resized to exactly {self.size[0]}x{self.size[1]}"
        elif self.size is not None:
            near = min(self.size) if self.side == "shorter" else max(self.size)
            size = f"with a {self.side} side near {near}"
        grey = ", in grey" if self.channels == GREY else ""
        values = "values from 0 to 1"
        if any(self.mean) or set(self.std) != {1.0}:
            values = f"mean {_listed(self.mean)}, deviation {_listed(self.std)}"
        return f"images go in whole, {size}{grey}; {values} ({self.source})"


def _listed(values: tuple[float, ...]) -> str:
    kept = values[:1] if len(set(values)) == 1 else values
    return ", ".join(f"{value:.3g}" for value in kept)


def preparation_of(
    model: nn.Module,
    *,
    size: int | Sequence[int] | None = None,
    mean: Sequence[float] | float | None = None,
    std: Sequence[float] | float | None = None,
) -> Preparation:
    """Return how a network takes images: as it says itself, or as is usual.

    Networks of timm say it; those of Ultralytics take 0 to 1 at a longer side of 640;
    the detectors of torchvision take 0 to 1 and do the rest themselves; others get the
    mean and deviation of ImageNet and a shorter side of 224. A network that takes one
    size of image, as many transformers and some blocks do, gets exactly that.

    Args:
        model: The network, wrapped or not.
        size: The side to bring images to, the longer one for Ultralytics, or
            ``(height, width)`` exactly. The other side becomes a multiple of what both
            the network's usual multiple and the side are multiples of.
        mean: One number, or one for each channel, of values from 0 to 1.
        std: Likewise.

    Raises:
        OptionError: A value cannot work, or only one of ``mean`` and ``std`` is given.

    Example:
        >>> from foveate import backbones
        >>> how = preparation_of(backbones.resnet10(width=16), size=96)
        >>> how.size, how.keeps_aspect, how.multiple
        ((96, 96), True, 32)
    """
    network = network_of(model)
    usual = customs_of(network)
    scaling = scaling_of(usual, mean, std)
    if size is None:
        sides, keeps_aspect, multiple = usual.size, not usual.is_fixed, usual.multiple
    else:
        sides = sides_of(size)
        keeps_aspect = isinstance(size, int) and not usual.is_fixed
        multiple = usual.multiple if keeps_aspect else 1
        if isinstance(size, int) and not usual.by_longer_side:
            # networks for images of 40 pixels need no multiples of 32
            multiple = math.gcd(multiple, size)
    return Preparation(
        mean=scaling[0],
        std=scaling[1],
        size=sides,
        multiple=multiple,
        keeps_aspect=keeps_aspect,
        channels=usual.channels,
        source=scaling[2],
        side="longer" if usual.by_longer_side else "shorter",
    )


def prepare(picture: Picture, how: Preparation, model: nn.Module) -> Tensor:
    """Return an image as a network takes it.

    Args:
        picture: The image.
        how: What ``preparation_of`` returned.
        model: Says on which device and in which precision.

    Returns:
        ``(1, channels, height, width)``.

    Raises:
        OptionError: The network takes neither 1 nor 3 channels.
    """
    if how.channels not in {GREY, COLOURS}:
        raise OptionError(
            f"look: {type(model).__name__} takes {how.channels} channels, and images "
            "have 1 or 3. Give tensors (C, H, W), ready for the network."
        )
    image = Image.fromarray(picture.pixels)
    if how.channels == GREY:
        image = image.convert("L")
    height, width = how.size_for(*picture.size)
    # Pillow smooths where an image gets smaller
    smaller = image.resize((width, height), Image.Resampling.BICUBIC)
    values = np.asarray(smaller, dtype=np.float32).reshape(height, width, how.channels)
    mean, std = (np.array(of, np.float32) for of in (how.mean, how.std))
    scaled = ((values / np.float32(255) - mean) / std).transpose(2, 0, 1)
    device, dtype = device_and_dtype(model)
    return torch.from_numpy(np.ascontiguousarray(scaled))[None].to(device, dtype)


def picture_of(
    tensor: Tensor, how: Preparation | None = None, name: str = ""
) -> Picture:
    """Return the image that a tensor shows.

    Args:
        tensor: ``(C, H, W)``, as a network takes it.
        how: Its mean and deviation are undone; None: the values are drawn as they are
            if from 0 to 1, else stretched from their lowest to their highest, as they
            are too if they do not become an image.
        name: What to call it; ``image`` if not given.

    Raises:
        ImageError: It is no ``(C, H, W)``, is empty, or has values that are not finite.
    """
    called = name or "image"
    values = tensor.detach().to("cpu", torch.float32)
    if values.dim() != IMAGE_DIMS or values.numel() == 0:
        raise ImageError(
            f"{called}: a tensor must be (C, H, W) and not empty, got "
            f"{tuple(values.shape)}."
        )
    if not bool(values.isfinite().all()):
        raise ImageError(f"{called}: a tensor has values that are not finite.")
    notes: list[str] = []
    channels = len(values)
    if channels not in {GREY, COLOURS}:
        notes.append(f"the mean of {channels} channels")
        values = values.mean(dim=0, keepdim=True)
    elif how is not None and len(how.mean) == channels:
        mean, std = (torch.tensor(of)[:, None, None] for of in (how.mean, how.std))
        values = values * std + mean
    low, high = float(values.min()), float(values.max())
    if low < -SLACK or high > 1 + SLACK:
        notes.append("stretched from its lowest value to its highest")
        values = (values - low) / (high - low or 1.0)
    drawn = (values.clamp(0, 1) * 255).round().to(torch.uint8)
    pixels = drawn.expand(COLOURS, -1, -1).permute(1, 2, 0).contiguous().numpy()
    return Picture(pixels, called, tuple(notes))
