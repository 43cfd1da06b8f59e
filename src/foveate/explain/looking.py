"""Look at what a network sees in some images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from foveate.errors import ImageError, OptionError
from foveate.explain._layer_maps import Transform
from foveate.explain._maps_of_one import Asked, OneByOne
from foveate.explain._network import moved, network_of
from foveate.explain.activation import Layers
from foveate.explain.cams import Method
from foveate.explain.preparing import Preparation, picture_of, preparation_of, prepare
from foveate.explain.targets import Targets, in_order
from foveate.pictures import Looked, Maps, Picture, Unread, read_picture
from foveate.pictures.places import place_of_pixel
from foveate.surgery.attention import LayerSelector

__all__ = ["ImageLike", "look"]

ImageLike = str | Path | Image.Image | NDArray[Any] | Tensor
"""A file, an image of Pillow, an array as it shows an image, or a tensor as the network
takes it."""

LONGEST = ((32, 1024), (256, 512))
"""Up to so many images, the longest side that is kept of each to be shown."""

SHORTEST = 256

BATCH_DIMS = 4


def look(
    model: nn.Module,
    images: ImageLike | Iterable[ImageLike],
    *,
    cam: Method | None = "layercam",
    target_layers: Layers = None,
    targets: Targets = None,
    blocks: bool | None = None,
    at: LayerSelector | Sequence[LayerSelector] | None = None,
    query: tuple[int, int] | None = None,
    places: int = 0,
    size: int | tuple[int, int] | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    most_boxes: int = 3,
    least_score: float = 0.25,
    reshape_transform: Transform | None = None,
    listen: Callable[[str], None] = lambda _: None,
) -> Maps:
    """Return where a network looks in images, and what its blocks do there.

    The network is evaluated and left as it was: its modes, buffers, gradients and
    hooks. Each image is seen as a whole, neither cut nor padded, and every map covers
    all of it.

    Args:
        model: The network: a classifier, or one that segments or detects.
        images: Files, images of Pillow, arrays ``(H, W, 3)`` or tensors
            ``(C, H, W)``; one, or several of any sizes. A tensor ``(N, C, H, W)``
            is N images. Tensors go to the network as they are, on its device and in
            its precision.
        cam: The class activation map: ``layercam``, ``gradcam``, ``gradcam++``,
            ``eigencam``, ``scorecam`` or ``saliency``; None makes none.
        target_layers: Where it is taken, as modules or by their paths; None finds the
            place, and ``said`` tells which.
        targets: What it speaks for: a class by number or name, or one for each image;
            a callable gets the answer to one image and returns a number. None: the
            likeliest class, or the boxes with the highest scores.
        blocks: Whether to show the maps of blocks; None does if there are any.
        at: Which blocks, as for ``graft``; all if None.
        query: Row and column of the pixel from which pairwise blocks look; the centre
            if None.
        places: Of pairwise blocks, from how many places to look for the page in which
            one clicks; 0 makes none.
        size: What images are resized to: the shorter side, or height and width; what
            the network says, or 224, if None.
        mean: What is taken off each channel, from 0 to 1; what the network says, or
            that of ImageNet, if None.
        std: What each channel is divided by; likewise.
        most_boxes: Of a detector, the most boxes to make a map of in each image.
        least_score: The score that such a box has at least, from 0 to 1.
        reshape_transform: Makes ``(N, C, h, w)`` of what the layers return, where that
            is no such map and it is not known how.
        listen: Is told the name of each image as its turn comes.

    Returns:
        The maps. An image that cannot be read is in ``unread`` and stops no other.

    Raises:
        ImageError: None of the images can be read.
        OptionError: A value cannot work, or the network does not run with an image.
        SiteError: There is no such layer.
        UnknownNameError: There is no class of that name.

    Example:
        >>> import torch, foveate as fv
        >>> host = fv.backbones.resnet10(width=16, attention="cbam").eval()
        >>> seen = fv.look(host, torch.rand(2, 3, 64, 96), cam="layercam")
        >>> seen.cams().shape
        (2, 64, 96)
        >>> [heat.source for heat in seen[0].heat][:2]
        ['layercam', 'spatial']
    """
    listed = _listed(images)
    wanted = _one_each(targets, len(listed))
    asked = Asked(cam, target_layers, reshape_transform, most_boxes, least_score)
    seeing = OneByOne(model, asked, blocks=blocks, at=at, places=places)
    how = preparation_of(model, size=size, mean=mean, std=std)
    longest = next((side for most, side in LONGEST if len(listed) <= most), SHORTEST)
    looked: list[Looked] = []
    unread: list[Unread] = []
    for number, (source, target) in enumerate(zip(listed, wanted, strict=True)):
        name = str(source) if isinstance(source, str | Path) else f"image {number}"
        listen(name)
        try:
            picture, x = _read(source, name, model, how, longest)
        except ImageError as problem:
            unread.append(Unread(name, str(problem)))
            continue
        if not isinstance(source, Tensor):
            seeing.say(str(how))
        heat = seeing.see(picture, x, target, place_of_pixel(query, picture))
        looked.append(Looked(picture, heat))
    if not looked:
        raise ImageError("\n".join(each.reason for each in unread))
    return seeing.maps(looked, unread)


def _listed(images: ImageLike | Iterable[ImageLike]) -> list[ImageLike]:
    """Return images one by one."""
    if isinstance(images, Tensor) and images.dim() == BATCH_DIMS:
        return list(images)
    if isinstance(images, np.ndarray) and images.ndim == BATCH_DIMS:
        return list(images)
    if isinstance(images, str | Path | Image.Image | np.ndarray | Tensor):
        return [images]
    listed = list(images) if isinstance(images, Iterable) else []
    if not listed:
        raise OptionError(
            f"look: expected one image or more, got {_told(images)}. Give files, "
            "images of Pillow, arrays (H, W, 3) or tensors (C, H, W)."
        )
    return listed


def _told(images: object) -> str:
    return "none" if isinstance(images, Iterable) else repr(images)


def _one_each(targets: Targets, count: int) -> list[Any]:
    """Return what the maps of each image are for; several may share an image."""
    given, several = in_order(targets)
    if not several:
        return [given] * count
    if len(given) != count:
        raise OptionError(
            f"look: targets must be one for all images or one for each of the {count}, "
            f"got {len(given)}. For several of one image, give a list of them within "
            "the list."
        )
    return list(given)


def _read(
    source: ImageLike, name: str, model: nn.Module, how: Preparation, longest: int
) -> tuple[Picture, Tensor]:
    """Return an image as people see it, and as the network takes it."""
    if isinstance(source, Tensor):
        x = source if source.dim() == BATCH_DIMS else source[None]
        if x.dim() != BATCH_DIMS or len(x) != 1:
            raise ImageError(
                f"{name}: a tensor must be (C, H, W), got {tuple(source.shape)}."
            )
        return picture_of(x[0], None, name), moved(x, network_of(model))
    picture = read_picture(source, name=name, longest=longest)
    return picture, prepare(picture, how, model)
