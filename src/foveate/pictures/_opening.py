"""Open image files of people: bounded in memory, with one line for what is wrong.

Pillow's own ``open`` refuses what it holds for too large before a JPEG can be read at a
lower resolution, by a limit that programs change; so its readers are called one by one.
"""

from __future__ import annotations

import io
import struct
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, NamedTuple

from PIL import Image, UnidentifiedImageError

from foveate.errors import ImageError
from foveate.pictures._kinds import HEAD_BYTES, what_it_is
from foveate.pictures._showing import without_breaks

__all__ = ["MOST_PIXELS", "check_pixels", "named_problems", "opened", "without_extras"]

MOST_PIXELS = 100_000_000
"""How many pixels are decoded at most; four bytes each are held for a while."""

FORMATS = (
    *("PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP", "AVIF", "HEIF", "JPEG2000", "JXL"),
    *("PPM", "ICO", "ICNS", "CUR", "DIB", "PSD", "QOI", "DDS", "PCX", "SGI"),
)
"""Formats of pixels that are known by their first bytes; others run programs (EPS)."""

WEBP_HEAD = 30
START_OF_IMAGE = b"\xff\xd8"
START_OF_SCAN = 0xDA
LAST_FREQUENCY = 63
BRANDS_END = 64

KEPT = (b"tRNS", b"eXIf", b"gAMA", b"cHRM", b"sRGB", b"acTL", b"fcTL", b"fdAT")
"""Chunks of a PNG that matter to how it looks, beside those that every reader needs."""

CUT_OFF = "ends too early: the image is cut off. Fetch or export it again."
ENDS = ("truncated", "not enough", "incomplete", "only got")
"""What Pillow says of files that end too early."""
UNKNOWN_KIND = "unknown"
"""What it says of sound files whose values it has no way to hold."""

ONE_AT_A_TIME = threading.RLock()
"""Held while warnings of Pillow are silenced, which is for the whole process."""


Reader = Callable[[IO[bytes], str | bytes], Image.Image]


class Opened(NamedTuple):
    """An image whose size is known, before it is decoded.

    Attributes:
        image: It.
        full_size: Width and height that the file has, as it lies there.
    """

    image: Image.Image
    full_size: tuple[int, int]


@contextmanager
def named_problems(name: str) -> Iterator[None]:
    """Turn whatever Pillow raises about a damaged file into one line, and be quiet."""
    with ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except ImageError:
            raise
        # a reader meets damage with whatever its own parsing then breaks with
        except Exception as problem:
            raise ImageError(f"{name}: {_in_words(problem)}") from problem


def opened(file: IO[bytes], name: str, longest: int) -> Opened:
    """Return the image in a file, not decoded yet, and small enough to be.

    Args:
        file: The whole file.
        name: What to call it.
        longest: A JPEG is set to be read no finer than needed for this side.

    Raises:
        ImageError: It is no image, damaged at its beginning, or too large.
    """
    head = file.read(HEAD_BYTES)
    check_pixels(name, *_canvas(head))
    if head[8:12] == b"WEBP" and _length(file) < int.from_bytes(head[4:8], "little"):
        raise ImageError(f"{name}: {CUT_OFF}")
    image = _by_content(file, head, name)
    width, height = image.size
    side = max(width, height)
    if image.format in {"JPEG", "MPO"}:
        share = min(longest / side, 1)
        image.draft(None, (max(int(width * share), 1), max(int(height * share), 1)))
        if not _in_one_scan(file, getattr(image, "layers", 0)):
            # all of its scans are held at full resolution until the last is read
            check_pixels(name, width, height)
    check_pixels(name, *image.size)
    return Opened(image, (width, height))


def check_pixels(name: str, width: int, height: int) -> None:
    """Raise ImageError if an image has more pixels than are decoded."""
    if width * height > MOST_PIXELS:
        raise ImageError(
            f"{name}: has {width} x {height} pixels, more than the "
            f"{MOST_PIXELS // 10**6} million that are decoded. Reduce it first, or cut "
            "out the part that matters."
        )


def without_extras(file: IO[bytes]) -> IO[bytes]:
    """Return a PNG without its texts and colour profile, which cannot be read."""
    file.seek(0)
    kept = [file.read(8)]
    while len(start := file.read(8)) == struct.calcsize(">I4s"):
        length, kind = struct.unpack(">I4s", start)
        content = file.read(length + 4)
        # an upper first letter: no reader may pass over it
        if kind[:1].isupper() or kind in KEPT:
            kept += [start, content]
    return io.BytesIO(b"".join(kept))


def _by_content(file: IO[bytes], head: bytes, name: str) -> Image.Image:
    """Return the image that some reader of Pillow knows by its first bytes."""
    tried: dict[str, Exception] = {}
    for kind, reader in _readers(head):
        file.seek(0)
        try:
            return reader(file, "")
        except (SyntaxError, IndexError, TypeError, KeyError, struct.error) as problem:
            tried[kind] = problem
        except ValueError as problem:
            # any text may begin as these do; of a PNG it may be cured
            if kind != "PPM":
                raise
            tried[kind] = problem
    raise ImageError(f"{name}: {_no_image(head, tried)}")


def _readers(head: bytes) -> Iterator[tuple[str, Reader]]:
    seen: set[str] = set()
    for find_readers in (Image.preinit, Image.init):
        find_readers()
        for kind in FORMATS:
            if kind in seen or kind not in Image.OPEN:
                continue
            seen.add(kind)
            reader, knows = Image.OPEN[kind]
            # HEIC photographs begin alike
            other = kind == "AVIF" and b"avi" not in head[8:BRANDS_END]
            # a text instead of True says what a reader cannot do
            if knows is not None and knows(head[:16]) is True and not other:
                yield kind, reader


def _no_image(head: bytes, tried: Mapping[str, Exception]) -> str:
    what, advice = what_it_is(head)
    # a text may begin as a PPM does
    if not tried or what == "text":
        if what:
            return f"is {what}. {advice}"
        return "is no image: its first bytes are of no format that Pillow reads."
    kind, problem = next(iter(tried.items()))
    said = without_breaks(str(problem))
    if "checksum" in said:
        return _in_words(problem)
    if UNKNOWN_KIND in said:
        return (
            f"is of a kind of {kind} that Pillow does not read ({said}). Load it "
            "yourself and hand over an array of uint8."
        )
    return f"its beginning is damaged or cut off ({kind})."


def _length(file: IO[bytes]) -> int:
    return file.seek(0, io.SEEK_END)


def _canvas(head: bytes) -> tuple[int, int]:
    """Return the size of a WebP, whose reader takes memory for it at once."""
    chunk = head[12:16] if head[8:12] == b"WEBP" else b""
    if len(head) < WEBP_HEAD or not chunk:
        return 0, 0
    if chunk == b"VP8X":
        sides = (head[24:27], head[27:30])
        width, height = (int.from_bytes(side, "little") + 1 for side in sides)
        return width, height
    bits = int.from_bytes(head[21:25] if chunk == b"VP8L" else head[26:30], "little")
    if chunk == b"VP8L":
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return bits & 0x3FFF, bits >> 16 & 0x3FFF


def _in_one_scan(file: IO[bytes], layers: int) -> bool:
    """Return whether the first scan of a JPEG holds all layers and frequencies."""
    place = file.tell()
    file.seek(len(START_OF_IMAGE))
    content = b""
    while (start := file.read(4))[:1] == b"\xff":
        content = file.read(max(int.from_bytes(start[2:], "big") - 2, 0))
        if start[1] == START_OF_SCAN:
            break
    file.seek(place)
    # number of layers, two bytes for each, first and last frequency, and one more
    whole = len(content) == 2 * layers + 4
    return whole and content[0] == layers and content[-2] == LAST_FREQUENCY


def _in_words(problem: Exception) -> str:
    said = without_breaks(str(problem))
    lower = said.lower()
    if isinstance(problem, MemoryError):
        return "there is not enough memory to decode it. Reduce it first."
    if isinstance(problem, UnidentifiedImageError):
        return "is no image that Pillow reads."
    if any(word in lower for word in ENDS) or isinstance(problem, EOFError):
        return CUT_OFF
    if "checksum" in lower or "crc" in lower:
        return "is damaged: a checksum does not fit. Fetch or export it again."
    if isinstance(problem, OSError) and problem.errno:
        return f"cannot be read: {problem.strerror}."
    return f"is damaged ({said or type(problem).__name__}). Fetch or export it again."
