"""Look at what a Keras model sees in some images."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray
from PIL import Image

from foveate import _checks
from foveate.errors import ImageError, OptionError
from foveate.keras._block_maps import BlockGathering
from foveate.keras._cams import METHODS, Method
from foveate.keras._model_formats import format_of_images
from foveate.keras._numbers import Tensor
from foveate.keras._one_by_one import OneByOne
from foveate.keras._parts import check_images
from foveate.keras._preparing import Preprocess, picture_of, preparation_of, prepare
from foveate.keras._seeing import activation_of
from foveate.keras._targets import Targets, in_order
from foveate.keras._where import LayerChoice, find_place
from foveate.pictures import Looked, Maps, Picture, Unread, read_picture
from foveate.pictures.activation import Activation
from foveate.pictures.block_maps import BlockMaps
from foveate.pictures.places import Query

__all__ = ["block_maps", "class_activation", "look"]

ImageLike = str | Path | Image.Image | NDArray[Any] | Tensor
"""A file, an image of Pillow, an array as it shows an image, or a tensor of the backend
as the model takes it."""

LONGEST = ((32, 1024), (256, 512))
"""Up to so many images, the longest side that is kept of each to be shown."""

SHORTEST = 256

IMAGE_DIMS = 4


def class_activation(
    model: keras.Model,
    inputs: Any,
    *,
    method: Method = "layercam",
    layer: LayerChoice = None,
    targets: Targets = None,
    batch_size: int = 16,
) -> Activation:
    """Return where a model looks in a batch of images, one map an image.

    The model may be functional, sequential or subclassed, on any backend and in mixed
    precision. It runs in evaluation and is left as it was. A softmax or sigmoid at its
    end is left out, so gradients are those of logits.

    Args:
        model: A classifier, or a model that segments.
        inputs: Images as it takes them, ``(N, H, W, C)``, or ``(N, C, H, W)`` if its
            layers have ``channels_first``.
        method: ``layercam``, ``gradcam``, ``gradcam++`` or ``eigencam``, which is for
            no class. What each is good for and where it misleads: ``explain.cams``.
        layer: Where, as a layer or by its name, ``resnet50/conv4_block6_out`` in a
            model within; or several. None: the last layer whose map has at least 7
            rows and columns, or, of a model that answers with maps, the deepest.
        targets: What the maps are for: a class for all, or one for each image; a
            callable gets the answer to one image and returns a number. None: the
            likeliest class.
        batch_size: How many images the model gets at once.

    Raises:
        OptionError: A value cannot work, a layer has no map, a target does not depend
            on it, or a number is not finite.
        ShapeError: ``inputs`` are no images.
        SiteError: There is no such layer; near names are offered.

    Example:
        >>> import foveate.keras as fk
        >>> model = keras.Sequential(
        ...     [
        ...         keras.Input((None, None, 3)),
        ...         keras.layers.Conv2D(8, 3, padding="same", name="conv"),
        ...         keras.layers.GlobalAveragePooling2D(),
        ...         keras.layers.Dense(5, activation="softmax"),
        ...     ]
        ... )
        >>> seen = fk.class_activation(model, np.ones((2, 33, 17, 3)), targets=[3, 0])
        >>> seen.maps.shape, seen.layers
        ((2, 33, 17), ('conv',))
    """
    x = check_images("class_activation", model, inputs)
    wanted = in_order(targets, len(x))
    _checks.one_of("class_activation", METHODS, method=method)
    _checks.positive("class_activation", batch_size=batch_size)
    place = find_place(model, x[:1], layer)
    return activation_of(model, x, place, method, wanted, batch_size=batch_size)


def block_maps(
    model: keras.Model,
    inputs: Any,
    *,
    query: Query | None = None,
    batch_size: int = 16,
) -> BlockMaps:
    """Return what the blocks of a model look at in images.

    Every layer of this package in the model, grafted or built in, is asked for its
    ``maps`` of the very input that it gets.

    Args:
        model: The model; it runs in evaluation and is left as it was.
        inputs: Images as it takes them.
        query: Of pairwise blocks the place that looks: row and column as shares of the
            image's height and width, from 0 to 1. None: the centre.
        batch_size: How many images the model gets at once.

    Raises:
        OptionError: A value cannot work, or the model does not run with the images.
        ShapeError: ``inputs`` are no images, or a map has a value that is not finite.

    Example:
        >>> import foveate.keras as fk
        >>> model = keras.Sequential([keras.Input((6, 8, 32)), fk.CBAM(name="cbam")])
        >>> seen = fk.block_maps(model, np.ones((2, 6, 8, 32)))
        >>> [(heat.where, heat.source, heat.values.shape) for heat in seen.looked[0]]
        [('cbam', 'spatial', (6, 8))]
        >>> seen.gates[0].values.shape
        (2, 32)
    """
    _checks.positive("block_maps", batch_size=batch_size)
    x = check_images("block_maps", model, inputs)
    gathering = BlockGathering(model)
    for start in range(0, len(x), batch_size):
        gathering.add(x[start : start + batch_size], query)
    return gathering.finish()


def look(
    model: keras.Model,
    images: ImageLike | Iterable[ImageLike],
    *,
    cam: Method | None = "layercam",
    layer: LayerChoice = None,
    targets: Targets = None,
    blocks: bool | None = None,
    query: tuple[int, int] | None = None,
    size: int | tuple[int, int] | None = None,
    preprocess: Preprocess | None = None,
) -> Maps:
    """Return where a model looks in images, and what its blocks do there.

    Each image is seen as a whole, neither cut nor padded, and every map covers all of
    it. The model is left as it was.

    Args:
        model: A classifier, or a model that segments.
        images: Files, images of Pillow or arrays ``(H, W, 3)``; one, or several of any
            sizes. Tensors of the backend go to the model as they are.
        cam: The class activation map, see ``class_activation``; None makes none.
        layer: Where it is taken.
        targets: What it speaks for: a class, or one for each image.
        blocks: Whether to show the maps of blocks; None does if there are any.
        query: Row and column of the pixel from which pairwise blocks look; the centre
            if None.
        size: What images are resized to: the shorter side, or height and width; what
            the model's input says, or 224, if None.
        preprocess: A function that makes what the model takes of a batch of images
            from 0 to 255, such as ``keras.applications.resnet50.preprocess_input``.
            None is for models that begin with ``Rescaling`` or ``Normalization``.

    Returns:
        The maps. An image that cannot be read is in ``unread`` and stops no other.

    Raises:
        ImageError: None of the images can be read.
        OptionError: A value cannot work, or the model does not run with an image.
        SiteError: There is no such layer.

    Example:
        >>> import foveate.keras as fk
        >>> host = [keras.Input((24, 40, 3)), keras.layers.Conv2D(16, 3), fk.CBAM()]
        >>> tail = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(5)]
        >>> model = keras.Sequential(host + tail)
        >>> photo = np.full((48, 80, 3), 128, np.uint8)
        >>> seen = fk.look(model, photo, preprocess=lambda x: x / 255)
        >>> [heat.source for heat in seen[0].heat]
        ['layercam', 'spatial']
    """
    listed = _listed(images)
    wanted = in_order(targets, len(listed))
    seeing = OneByOne(model, cam, layer, blocks=blocks, query=query)
    longest = next((side for most, side in LONGEST if len(listed) <= most), SHORTEST)
    looked: list[Looked] = []
    unread: list[Unread] = []
    for number, (source, target) in enumerate(zip(listed, wanted, strict=True)):
        name = str(source) if isinstance(source, str | Path) else f"image {number}"
        try:
            if ops.is_tensor(source):
                picture, x = _ready(source, name, model)
            else:
                how = preparation_of(model, size, preprocess)
                picture = read_picture(source, name=name, longest=longest)
                x = prepare(picture, how, model)
                seeing.say(f"{how}.")
        except ImageError as problem:
            unread.append(Unread(name, str(problem)))
            continue
        looked.append(Looked(picture, seeing.see(picture, x, target)))
    if not looked:
        raise ImageError("\n".join(each.reason for each in unread))
    return seeing.maps(looked, unread)


def _listed(images: Any) -> list[ImageLike]:
    """Return images one by one."""
    if isinstance(images, np.ndarray) or ops.is_tensor(images):
        return list(images) if len(images.shape) == IMAGE_DIMS else [images]
    if isinstance(images, str | Path | Image.Image):
        return [images]
    listed = list(images) if isinstance(images, Iterable) else []
    if not listed:
        told = "none" if isinstance(images, Iterable) else repr(images)
        raise OptionError(
            f"look: expected one image or more, got {told}. Give files, images of "
            "Pillow, arrays (H, W, 3) or tensors as the model takes them."
        )
    return listed


def _ready(tensor: Tensor, name: str, model: keras.Model) -> tuple[Picture, Tensor]:
    """Return an image that is a tensor, as people see it and as the model takes it."""
    x = tensor if len(tensor.shape) == IMAGE_DIMS else ops.expand_dims(tensor, 0)
    if len(x.shape) != IMAGE_DIMS or x.shape[0] != 1:
        raise ImageError(
            f"{name}: a tensor must be one image, of three axes, got "
            f"{tuple(tensor.shape)}."
        )
    return picture_of(x[0], format_of_images(model), name), x
