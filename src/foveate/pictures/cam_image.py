"""Heat over an image in its colours, as pytorch-grad-cam draws it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from foveate.errors import OptionError, ShapeError
from foveate.pictures._inks import Pixels
from foveate.pictures.colours import colour

__all__ = ["show_cam_on_image"]

IMAGE_DIMS = 3
COLOURS = 3


def show_cam_on_image(
    img: NDArray[np.floating],
    mask: NDArray[np.floating],
    use_rgb: bool = True,  # noqa: FBT001, FBT002
    image_weight: float = 0.5,
) -> Pixels:
    """Return an image under the colours of a map, as pytorch-grad-cam's function does.

    The image keeps its colours, and the ramp is that of ``overlay``.

    Args:
        img: ``(H, W, 3)``, from 0 to 1.
        mask: ``(H, W)``, from 0 to 1.
        use_rgb: Whether the image is red, green, blue; if not, it is blue, green, red,
            as OpenCV has it, and so is what is returned.
        image_weight: The part of the image in the mixture, from 0 to 1.

    Returns:
        ``(H, W, 3)``, uint8.

    Raises:
        ShapeError: The shapes are others, or differ.
        OptionError: A value is not from 0 to 1.
    """
    fits = img.ndim == IMAGE_DIMS and img.shape[2] == COLOURS
    if not fits or img.shape[:2] != mask.shape:
        raise ShapeError(
            "show_cam_on_image: img must be (H, W, 3) and mask (H, W) of the same "
            f"height and width, got {img.shape} and {mask.shape}."
        )
    for name, values in (("img", img), ("mask", mask), ("image_weight", image_weight)):
        low, high = float(np.min(values)), float(np.max(values))
        if not (low >= 0 and high <= 1):
            raise OptionError(
                f"show_cam_on_image: {name} must be from 0 to 1, got values from "
                f"{low:g} to {high:g}."
            )
    heat = colour(mask) if use_rgb else colour(mask)[..., ::-1]
    mixed = image_weight * 255 * img + (1 - image_weight) * heat
    pixels: Pixels = np.rint(mixed).astype(np.uint8)
    return pixels
