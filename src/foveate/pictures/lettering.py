"""Text in pictures: what can be written, how wide it is, and where it is cut."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

from PIL import ImageFont

__all__ = ["Font", "cut", "find_font", "plain", "spelled", "width_of", "wrap"]

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

Form = TypeVar("Form")

ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"

# of systems that most people have; whichever is there first and has all the letters
_SYSTEM_FONTS = (
    "DejaVuSans.ttf",
    "Arial.ttf",
    "LiberationSans-Regular.ttf",
    "NotoSans-Regular.ttf",
    "NotoSansCJK-Regular.ttc",
    "DroidSansFallback.ttf",
    "wqy-microhei.ttc",
    "NotoSansArabic-Regular.ttf",
    "NotoSansHebrew-Regular.ttf",
    "NotoSansDevanagari-Regular.ttf",
    "Arial Unicode.ttf",
    "PingFang.ttc",
    "Hiragino Sans GB.ttc",
    "AppleSDGothicNeo.ttc",
    "msyh.ttc",
    "msgothic.ttc",
    "malgun.ttf",
    "segoeui.ttf",
)

# what stands for a sign that the font of Pillow does not have
_SIMPLER = str.maketrans(
    {
        "\N{MINUS SIGN}": "-",
        "\N{EN DASH}": "-",
        "\N{MULTIPLICATION SIGN}": "x",
        "\N{MIDDLE DOT}": ".",
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    }
)

_NO_LETTER = "\U0010fffd"
_MEASURED_AT = 100
# fonts of systems are up to this much wider than the one that is measured
_WIDER = 1.16
_BREAKS = "./_- "
_FIRST_CHINESE = 0x2E80


def plain(text: str) -> str:
    r"""Return text of one line in which what cannot be seen is spelled as an escape.

    Example:
        >>> plain("a" + chr(7) + "b")
        'a\\x07b'
    """
    one_line = " ".join(text.split())
    return "".join(one if one.isprintable() else _escape(one) for one in one_line)


def spelled(text: str) -> tuple[str, str]:
    """Return the name of a font that has all letters of a text, and the text.

    The name is empty for the font that comes with Pillow. If no font at hand has the
    letters, those that are missing are spelled as escapes: an empty box tells nothing.
    """
    text = text.translate(_SIMPLER)
    missing = [one for one in set(text) if not _has("", one)]
    if not missing:
        return "", text
    for name in _SYSTEM_FONTS:
        if _open(name, _MEASURED_AT) and all(_has(name, one) for one in set(text)):
            return name, text
    return "", "".join(_escape(one) if one in missing else one for one in text)


def find_font(name: str, size: float) -> Font:
    """Return a font that ``spelled`` named, at a size in pixels."""
    found = _open(name, size)
    return ImageFont.load_default(size) if found is None else found


def width_of(text: str, size: float) -> float:
    """Return how wide a text may become in any usual font, in pixels."""
    return sum(_advance(one) for one in text) * size * _WIDER


def cut(text: str, room: float, size: float) -> str:
    """Return a text with so much left out of its middle that it fits ``room``.

    Example:
        >>> cut("a/long/way/to/the/picture.png", 100, 11)
        'a/long/\N{HORIZONTAL ELLIPSIS}ure.png'
    """
    return _longest(
        lambda kept: _halves(text, kept), len(text), lambda one: _fits(one, room, size)
    )


def wrap(text: str, room: float, size: float, most: int = 2) -> tuple[str, ...]:
    """Return a text on at most ``most`` lines that fit ``room``.

    Lines end after a space, where that leaves less than half of one empty, else after
    ``.``, ``/``, ``_`` and ``-`` too, or within a long word; of a text that is too
    long, the middle is left out.
    """
    return _longest(
        lambda kept: _lines(_halves(text, kept), room, size),
        len(text),
        lambda lines: len(lines) <= most,
    )


def _longest(
    shorten: Callable[[int], Form], length: int, fits: Callable[[Form], bool]
) -> Form:
    """Return the form with the most letters that fits; with none, if none does."""
    whole = shorten(length)
    if fits(whole):
        return whole
    low, high = 0, length - 1
    while low < high:
        kept = (low + high + 1) // 2
        low, high = (kept, high) if fits(shorten(kept)) else (low, kept - 1)
    return shorten(low)


def _halves(text: str, kept: int) -> str:
    """Return both ends of a text, of ``kept`` letters together."""
    if kept >= len(text):
        return text
    last = kept // 2
    return text[: kept - last] + ELLIPSIS + text[len(text) - last :]


def _lines(text: str, room: float, size: float) -> tuple[str, ...]:
    lines, rest = [], text
    while rest:
        stop = max(_letters(rest, room, size), 1)
        if stop < len(rest):
            space = rest[:stop].rfind(" ")
            # 0.224 is one word, unless that leaves most of the line empty
            if space <= stop // 2:
                space = max(rest[:stop].rfind(mark) for mark in _BREAKS)
            stop = 1 + space or stop
        lines.append(rest[:stop].strip())
        rest = rest[stop:]
    return tuple(lines)


def _letters(text: str, room: float, size: float) -> int:
    """Return how many letters of a text fit ``room``."""
    return len(
        _longest(lambda n: text[:n], len(text), lambda part: _fits(part, room, size))
    )


def _fits(text: str, room: float, size: float) -> bool:
    return width_of(text, size) <= room


def _escape(text: str) -> str:
    return text.encode("unicode_escape").decode("ascii")


@lru_cache(maxsize=4096)
def _advance(one: str) -> float:
    """Return the width of a letter as a share of the size of its font."""
    if ord(one) >= _FIRST_CHINESE:
        return 1.0
    known = one if _has("", one) else "m"
    return find_font("", _MEASURED_AT).getlength(known) / _MEASURED_AT


@lru_cache(maxsize=4096)
def _has(name: str, one: str) -> bool:
    """Return whether a font has a letter: it looks unlike one that no font has."""
    if one.isspace():
        return True
    font = find_font(name, _MEASURED_AT)
    mine, none = font.getmask(one), font.getmask(_NO_LETTER)
    return mine.size != none.size or bytes(mine) != bytes(none)


@lru_cache(maxsize=64)
def _open(name: str, size: float) -> Font | None:
    if not name:
        return ImageFont.load_default(size)
    try:
        return ImageFont.truetype(name, size)
    except OSError:
        return None
