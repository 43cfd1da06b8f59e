"""Read the images that people have."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from foveate import _checks
from foveate.errors import ImageError
from foveate.pictures._finding import check_file
from foveate.pictures._kinds import is_png
from foveate.pictures._opening import (
    Opened,
    check_pixels,
    named_problems,
    opened,
    without_extras,
)
from foveate.pictures._showing import is_on_its_side, shown, without_breaks
from foveate.pictures.seen import Picture

__all__ = ["LONGEST", "Source", "read_picture"]

Source = str | Path | Image.Image | NDArray[Any]
"""What an image can be read from."""

LONGEST = 2048
"""The longest side of a picture, in pixels, unless another is asked for."""

LONGEST_NAME = 255

MAP_DIMS = 3
COLOURS = (1, 3, 4)
PAGES = {"TIFF": "pages", "MPO": "pictures"}
FLAT = ("PSD", "ICO", "ICNS", "CUR")
"""Formats whose several parts are not shown one after another."""


def read_picture(source: Source, *, name: str = "", longest: int = LONGEST) -> Picture:
    """Read an image: upright, in sRGB, on a white ground.

    Files are known by their content, whatever their names end with. Orientation,
    transparency, palettes, 16 bits, CMYK and colour profiles are brought to the 8 bits
    of red, green and blue that people would see; what was done beyond that is in the
    notes. Of several frames or pages it is the first.

    Memory is bounded: a size is known before anything is decoded, and more than 100
    million pixels are refused (a JPEG may have more, as it is read at a lower
    resolution).

    Args:
        source: A path, an image of Pillow, or an array ``(H, W)`` or ``(H, W, 1)``,
            ``(H, W, 3)``, ``(H, W, 4)`` of uint8, uint16, bool, or floats from 0 to 1.
        name: What to call it; the name of its file, or ``image``, if not given.
        longest: Larger images are reduced to this longest side, in pixels.

    Raises:
        ImageError: It is no image, damaged, or too large; one line says which.
        OptionError: ``longest`` is not greater than 0.

    Example:
        >>> import numpy as np
        >>> read_picture(np.zeros((48, 64), bool), name="night").size
        (48, 64)
    """
    _checks.positive("read_picture", longest=longest)
    if isinstance(source, str | os.PathLike):
        return _of_file(Path(source), name, longest)
    if isinstance(source, Image.Image):
        return _of_image(source, name, longest)
    called = _called(name)
    if isinstance(source, np.ndarray):
        pixels, notes = shown(_of_array(source, called), longest)
        return Picture(pixels, called, tuple(notes))
    raise ImageError(
        f"{called}: expected a path, an image of Pillow or an "
        f"array of numpy, got {type(source).__name__}."
    )


def _called(name: str) -> str:
    return without_breaks(name, LONGEST_NAME) or "image"


def _of_file(path: Path, name: str, longest: int) -> Picture:
    called = _called(name or path.name or str(path))
    check_file(path, called)
    with named_problems(called), path.open("rb") as file:
        try:
            return _decoded(opened(file, called, longest), called, longest)
        except ImageError:
            raise
        except ValueError:
            file.seek(0)
            if not is_png(file.read(8)):
                raise
            # texts or a profile that unpack to more than Pillow allows
            bare = opened(without_extras(file), called, longest)
            note = "its texts and colour profile cannot be read and were ignored"
            return _decoded(bare, called, longest, note)


def _of_image(image: Image.Image, name: str, longest: int) -> Picture:
    file = getattr(image, "filename", "")
    called = _called(name or (Path(file).name if isinstance(file, str) else ""))
    check_pixels(called, *image.size)
    if 0 in image.size:
        raise ImageError(f"{called}: has no pixels, its size is {image.size}.")
    with named_problems(called):
        return _decoded(Opened(image, image.size), called, longest)


def _decoded(found: Opened, name: str, longest: int, *notes: str) -> Picture:
    image = found.image
    kind, now = image.format or "", getattr(image, "tell", int)() + 1
    pixels, done = shown(image, longest, max(found.full_size))
    frames = 1 if kind in FLAT else _frames(image)
    if frames > 1:
        which = "the first" if now == 1 else f"number {now}"
        done.insert(0, f"{which} of {frames} {PAGES.get(kind, 'frames')}")
    width, height = found.full_size
    upright = (width, height) if is_on_its_side(image) else (height, width)
    reduced = upright != pixels.shape[:2]
    return Picture(pixels, name, (*notes, *done), upright if reduced else None)


def _frames(image: Image.Image) -> int:
    """Return how many frames a file has; 1 if they cannot be counted."""
    try:
        return int(getattr(image, "n_frames", 1))
    # the first frame was read, and is what is shown
    except Exception:  # noqa: BLE001
        return 1


def _of_array(array: NDArray[Any], name: str) -> Image.Image:
    """Return an array as an image of Pillow, in 8 bits."""
    height, width, colours = (*array.shape, 1, 1, 1)[:MAP_DIMS]
    fits = array.ndim in {MAP_DIMS - 1, MAP_DIMS} and colours in COLOURS
    if not fits or array.size == 0:
        first = array.ndim == MAP_DIMS and height in COLOURS and colours not in COLOURS
        hint = " Its channels come first: give array.transpose(1, 2, 0)."
        raise ImageError(
            f"{name}: an array must be (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), and "
            f"not empty, got {array.shape}.{hint if first else ''}"
        )
    check_pixels(name, width, height)
    flat = array[..., 0] if array.shape[2:] == (1,) else array
    return Image.fromarray(np.ascontiguousarray(_bytes_of(flat, name)))


def _bytes_of(array: NDArray[Any], name: str) -> NDArray[np.uint8]:
    if array.dtype == np.bool_:
        return array * np.uint8(255)
    if array.dtype == np.uint8:
        return array.astype(np.uint8, copy=False)
    if array.dtype == np.uint16:
        return np.rint(array / np.float32(257)).astype(np.uint8)
    if not np.issubdtype(array.dtype, np.floating):
        raise ImageError(
            f"{name}: an array must be of uint8, uint16, bool or floats from 0 to 1, "
            f"got {array.dtype}. If it goes to 255, give array.astype('uint8')."
        )
    least, most = float(array.min()), float(array.max())
    # written so that a NaN fails
    if not (least >= 0 and most <= 1):
        raise ImageError(
            f"{name}: an array of floats must be from 0 to 1, got {least:g} to "
            f"{most:g}. If it goes to 255, divide it by 255."
        )
    return np.rint(array * np.float32(255)).astype(np.uint8)
