"""Turn any image of Pillow into what people see: upright, in sRGB, on white."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

__all__ = ["is_on_its_side", "shown", "without_breaks"]

Pixels = NDArray[np.uint8]

BYTE = 255.0
DEEPEST = 65535.0
"""The highest values of 8 and of 16 bits."""

ORIENTATION = 0x0112
"""The tag of EXIF that says how the camera was held."""

BITS_PER_SAMPLE = 258
"""The tag of TIFF that says how many bits a value has."""

UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

ON_THEIR_SIDE = {5, 6, 7, 8}

RESIZED_AS = {
    "1": "L",
    "La": "LA",
    "PA": "RGBA",
    "RGBa": "RGBA",
    "RGBX": "RGB",
    "YCbCr": "RGB",
    "HSV": "RGB",
}
"""Modes that cannot be resized smoothly as they are, and what they become before."""

PROFILE_SPACES = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}

MOST_WORDS = 60
"""How many letters of what a file says are repeated."""


def shown(
    image: Image.Image, longest: int, full_side: int | None = None
) -> tuple[Pixels, list[str]]:
    """Return the pixels of an image as people see it, and what was done for that.

    Args:
        image: Of any mode; it is decoded if it is not yet.
        longest: The longest side of what is returned, in pixels.
        full_side: The longest side of the file, if it is decoded at a lower one.

    Returns:
        ``(H, W, 3)``, uint8, and notes.
    """
    image.load()
    notes: list[str] = []
    profile = image.info.get("icc_profile")
    # some files carry it behind the image, so it is known only now
    turn = UPRIGHT.get(_orientation(image))
    side = full_side or max(image.size)
    top = _highest_value(image)
    small = _reduced(_resizable(image), longest)
    if side > longest:
        notes.append(f"reduced from {side} to {longest} pixels on its longer side")
    if small.mode == "F":
        small = _eight_bits(small, top, notes)
    colours = _on_white(small, _in_srgb(small, profile, notes), notes)
    upright = colours if turn is None else colours.transpose(turn)
    return np.array(upright, dtype=np.uint8), notes


def without_breaks(text: str, most: int = MOST_WORDS) -> str:
    """Return a text of other people as one line that can be printed, cut if long."""
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    line = " ".join(line.split())
    return line if len(line) <= most else f"{line[: most - 3]}..."


def is_on_its_side(image: Image.Image) -> bool:
    """Return whether the rows of a file are the columns of the image."""
    return _orientation(image) in ON_THEIR_SIDE


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(ORIENTATION)
    # a damaged EXIF breaks in as many ways as it has fields; the image is as good
    except Exception:  # noqa: BLE001
        return 1
    return value if isinstance(value, int) else 1


def _highest_value(image: Image.Image) -> float | None:
    """Return the highest value that a deep grey image may have, None if unknown."""
    if image.mode.startswith("I;16"):
        tags: Any = getattr(image, "tag_v2", {})
        bits = tags.get(BITS_PER_SAMPLE, (16,))
        return 4095.0 if bits == (12,) else DEEPEST
    # whatever mode Pillow reads their 16 bits into
    return DEEPEST if image.mode == "I" and image.format in {"PNG", "PPM"} else None


def _resizable(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        return image
    if image.mode == "I" or image.mode.startswith("I;"):
        return image.convert("F")
    if image.mode in {"1", "L", "P", "RGB"} and image.has_transparency_data:
        return image.convert("RGBA")
    mode = "RGB" if image.mode == "P" else RESIZED_AS.get(image.mode, image.mode)
    return image if mode == image.mode else image.convert(mode)


def _reduced(image: Image.Image, longest: int) -> Image.Image:
    width, height = image.size
    if max(width, height) <= longest:
        return image
    share = longest / max(width, height)
    size = max(round(width * share), 1), max(round(height * share), 1)
    # it never leaves the range of the values it is given
    return image.resize(size, Image.Resampling.HAMMING, reducing_gap=3.0)


def _eight_bits(image: Image.Image, top: float | None, notes: list[str]) -> Image.Image:
    """Return a deep grey image in 8 bits: by its range if known, else stretched."""
    values = np.asarray(image, dtype=np.float64)
    finite = np.isfinite(values)
    if not finite.all():
        notes.append(f"{(~finite).sum()} of its values are not finite: shown black")
    low, high = 0.0, top or 1.0
    if top is None and finite.any():
        low, high = float(values[finite].min()), float(values[finite].max())
        likely = _likely_top(low, high)
        if low == high and likely is None:
            notes.append(f"each of its values is {low:g}: shown black")
        elif likely is None:
            notes.append(f"stretched from {low:g}, its lowest value, to {high:g}")
        else:
            low, high = 0.0, likely
    share = np.where(finite, values - low, 0) / ((high - low) or 1.0)
    return Image.fromarray(np.rint(share.clip(0, 1) * BYTE).astype(np.uint8))


def _likely_top(least: float, most: float) -> float | None:
    """Return what values between these are likely a share of, None if of nothing."""
    if least >= 0 and most <= 1:
        return 1.0
    return DEEPEST if least >= 0 and BYTE < most <= DEEPEST else None


def _in_srgb(
    image: Image.Image, profile: bytes | None, notes: list[str]
) -> Image.Image:
    """Return the colours of an image, without its alpha, in sRGB."""
    colours = image
    if image.mode in {"LA", "RGBA"}:
        colours = image.convert(image.mode[:-1])
    if colours.mode == "LAB":
        lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        return _transformed(colours, lab)
    if profile:
        try:
            return _by_profile(colours, profile, notes)
        except (ImageCms.PyCMSError, ImportError, OSError, TypeError, ValueError):
            notes.append("its colour profile cannot be used and was ignored")
    elif colours.mode == "CMYK":
        notes.append("CMYK without a colour profile: its colours are approximate")
    return colours.convert("RGB")


def _by_profile(colours: Image.Image, profile: bytes, notes: list[str]) -> Image.Image:
    meant = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    space = meant.profile.xcolor_space.strip()
    if space != PROFILE_SPACES.get(colours.mode):
        raise ValueError(space)
    called = without_breaks(ImageCms.getProfileDescription(meant))
    if "sRGB" in called:
        return colours.convert("RGB")
    changed = _transformed(colours, meant)
    notes.append(f"brought to sRGB from '{called}'")
    return changed


def _transformed(colours: Image.Image, meant: ImageCms.ImageCmsProfile) -> Image.Image:
    transform = ImageCms.buildTransform(
        meant, ImageCms.createProfile("sRGB"), colours.mode, "RGB"
    )
    changed = ImageCms.applyTransform(colours, transform)
    if changed is None:
        raise ValueError(colours.mode)
    return changed


def _on_white(
    image: Image.Image, colours: Image.Image, notes: list[str]
) -> Image.Image:
    if image.mode not in {"LA", "RGBA"}:
        return colours
    alpha = image.getchannel("A")
    if alpha.getextrema() == (BYTE, BYTE):
        return colours
    notes.append("transparent places are shown white")
    return Image.composite(colours, Image.new("RGB", image.size, "white"), alpha)
