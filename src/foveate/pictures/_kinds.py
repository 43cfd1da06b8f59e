"""What a file is by its first bytes, for people who took it for an image."""

from __future__ import annotations

__all__ = ["HEAD_BYTES", "is_png", "what_it_is"]

HEAD_BYTES = 4096
"""How much of a file says what it is."""

PNG = b"\x89PNG\r\n\x1a\n"

EXPORT = "Convert it to JPEG or PNG first."
UNPACK = "Unpack it and name the images that are in it."
FRAMES = "Take frames out of it first: ffmpeg -i FILE frame%03d.png."
LOAD = "Load it yourself and hand over the array of one image."
WEIGHTS = "Name an image instead."

STARTS: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"PK\x03\x04", "a zip archive", UNPACK),
    (0, b"PK\x05\x06", "an empty zip archive", UNPACK),
    (0, b"\x1f\x8b", "a gzip archive", UNPACK),
    (0, b"BZh", "a bzip2 archive", UNPACK),
    (0, b"\xfd7zXZ", "an xz archive", UNPACK),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
    (0, b"Rar!", "a rar archive", UNPACK),
    (257, b"ustar", "a tar archive", UNPACK),
    (0, b"%PDF", "a PDF document", "Export its page as PNG."),
    (0, b"%!PS", "a PostScript document", "Export its page as PNG."),
    (0, b"\xd0\xcf\x11\xe0", "an Office document", "Export the picture in it as PNG."),
    (0, b"\x93NUMPY", "an array of numpy", LOAD),
    (0, b"\x89HDF", "an HDF5 file", LOAD),
    (128, b"DICM", "a DICOM file", LOAD),
    (8, b'{"__metadata__"', "a file of weights (safetensors)", WEIGHTS),
    (0, b"\x80\x02", "a pickle of Python, such as weights of torch", WEIGHTS),
    (0, b"\x80\x04", "a pickle of Python", WEIGHTS),
    (0, b"\x80\x05", "a pickle of Python", WEIGHTS),
    (0, b"\x1aE\xdf\xa3", "a video (Matroska or WebM)", FRAMES),
    (8, b"AVI ", "a video (AVI)", FRAMES),
    (8, b"WAVE", "a sound", "Name an image instead."),
    (0, b"ID3", "a sound (MP3)", "Name an image instead."),
    (0, b"\x7fELF", "a program", "Name an image instead."),
    (0, b"\xff\x0a", "a JPEG XL image, which Pillow does not read", EXPORT),
    (4, b"JXL ", "a JPEG XL image, which Pillow does not read", EXPORT),
    (0, b"FUJIFILMCCD-RAW", "a camera's raw file", EXPORT),
    (0, b"IIU\x00", "a camera's raw file", EXPORT),
    (0, b"IIRO", "a camera's raw file", EXPORT),
)
"""Where some bytes stand, what a file is that has them there, and what to do."""

HEIC = (
    "a HEIC photograph, which Pillow does not read alone",
    "Convert it to JPEG, or pip install pillow-heif and call "
    "pillow_heif.register_heif_opener() first.",
)
AVIF = (
    "an AVIF image, which this Pillow does not read",
    "Convert it to JPEG, or pip install --upgrade pillow (11.3 or newer reads it).",
)
BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), AVIF),
    **dict.fromkeys((b"heic", b"heix", b"hevc", b"heim", b"heis", b"hevx"), HEIC),
    **dict.fromkeys((b"mif1", b"msf1", b"heif"), HEIC),
    b"crx ": ("a camera's raw file", EXPORT),
}
"""Of files that begin with a box ``ftyp``; the others are videos."""

WORDS: tuple[tuple[str, str, str], ...] = (
    (
        "version https://git-lfs",
        "a pointer of Git LFS, not the image itself",
        "Fetch it with: git lfs pull.",
    ),
    ("<!doctype html", "a web page (HTML)", "Download the image itself."),
    ("<html", "a web page (HTML)", "Download the image itself."),
    ("<svg", "an SVG drawing, which has no pixels", "Export it as PNG."),
    ("<?xml", "an XML document", "Name an image instead."),
    ("{", "text (JSON)", "Name an image instead."),
)
"""How texts begin, what they are then, and what to do."""


def is_png(head: bytes) -> bool:
    """Return whether a file that begins with ``head`` calls itself a PNG."""
    return head.startswith(PNG)


def what_it_is(head: bytes) -> tuple[str, str]:
    """Return what a file is that is no image, and what to do about it.

    Args:
        head: Its first bytes, ``HEAD_BYTES`` of them or all.

    Returns:
        Two parts of a sentence, such as ``"a zip archive"`` and ``"Unpack it."``; the
        first is empty if nothing is known.
    """
    if head.startswith(b"PK\x03\x04") and b"/data.pkl" in head:
        return "a file of torch, such as weights", WEIGHTS
    if head.startswith(b"PK\x03\x04") and b".npy" in head:
        return "an archive of numpy (npz)", LOAD
    if head[4:8] == b"ftyp":
        return BRANDS.get(head[8:12], ("a video (MP4 or QuickTime)", FRAMES))
    for place, magic, words, advice in STARTS:
        if head[place : place + len(magic)] == magic:
            return words, advice
    return _what_text(head)


def _what_text(head: bytes) -> tuple[str, str]:
    wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    # the last character may be cut in two
    text = head.decode("utf-16" if wide else "utf-8", errors="ignore")
    lost = len(head) - len(text.encode("utf-8"))
    if not wide and (lost > HEAD_BYTES // 100 or "\0" in text):
        return "", ""
    begin = text.lstrip("\ufeff \t\r\n").lower()
    if begin.startswith("<?xml") and "<svg" in begin:
        begin = begin[begin.index("<svg") :]
    for start, words, advice in WORDS:
        if begin.startswith(start):
            return words, advice
    readable = sum(letter.isprintable() or letter.isspace() for letter in text)
    if not text or readable < len(text):
        return "", ""
    return "text", "Name an image instead."
