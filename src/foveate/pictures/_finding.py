"""Find an image file, or say in one line why there is none."""

from __future__ import annotations

import stat
from collections import Counter
from pathlib import Path

from foveate import _checks
from foveate.errors import ImageError
from foveate.pictures._kinds import HEAD_BYTES, what_it_is
from foveate.pictures._showing import without_breaks

__all__ = ["check_file"]

SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".webp", ".gif"),
    *(".bmp", ".avif", ".heic", ".heif", ".jp2", ".jxl", ".pgm", ".ppm", ".ico"),
    *(".qoi", ".psd"),
)
"""How the names of images end, to count them in a folder."""

MOST_BYTES = 2**30
MOST_LETTERS = 1000
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""How the files begin that may be larger, as they are read in parts."""


def check_file(path: Path, name: str) -> None:
    """Raise ImageError unless ``path`` is a file that can be opened without waiting.

    Args:
        path: Where it should be.
        name: What to call it.
    """
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise ImageError(f"{name}: {_in_one_line(_not_there(path))}") from None
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or "its path cannot be one"
        raise ImageError(f"{name}: cannot be read: {reason}.") from None
    if stat.S_ISDIR(status.st_mode):
        raise ImageError(f"{name}: {_in_one_line(_a_folder(path))}")
    if not stat.S_ISREG(status.st_mode):
        raise ImageError(
            f"{name}: is neither a file nor a folder, but a pipe or a device. "
            "Write the image to a file first."
        )
    if status.st_size == 0:
        raise ImageError(f"{name}: is empty (0 bytes). Fetch or export it again.")
    if status.st_size > MOST_BYTES:
        _check_large(path, name, status.st_size)


def _check_large(path: Path, name: str, length: int) -> None:
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if head.startswith(TIFF):
        return
    what, advice = what_it_is(head)
    if what:
        raise ImageError(f"{name}: is {what}. {advice}")
    raise ImageError(
        f"{name}: has {length / 2**30:.1f} GiB, more than the 1 GiB that an image file "
        "may have here. Reduce it first."
    )


def _in_one_line(words: str) -> str:
    # folders may be named as people please
    return without_breaks(words, MOST_LETTERS)


def _not_there(path: Path) -> str:
    if str(path).startswith(("http:", "https:")):
        return "is an address, not a file. Download it first."
    folder = path.parent
    if not folder.is_dir():
        return f"there is no folder '{folder}'."
    try:
        beside = [found.name for found in folder.iterdir()]
    except OSError:
        beside = []
    images = [name for name in beside if Path(name).suffix.lower() in SUFFIXES]
    offer = _checks.suggest(path.name, images) if images else ""
    where = "here" if folder == Path() else f"in '{folder}'"
    # a long list helps nobody who wrote a path
    near = f" {offer}" if offer.startswith("Did") else ""
    return f"there is no such file {where}.{near}"


def _a_folder(path: Path) -> str:
    try:
        suffixes = Counter(
            found.suffix for found in path.iterdir() if found.suffix.lower() in SUFFIXES
        )
    except OSError:
        return "is a folder. Name the images in it."
    if not suffixes:
        return "is a folder, with no images in it. Name an image."
    pattern = path / f"*{suffixes.most_common(1)[0][0]}"
    count = suffixes.total()
    images = "1 image" if count == 1 else f"{count} images"
    return f"is a folder with {images}. Name them, such as {pattern}."
