"""Numbers and lists as a reader wants to see them."""

from __future__ import annotations

from collections.abc import Sequence

from foveate.records import Interval

__all__ = [
    "MINUS",
    "correlation",
    "count",
    "join",
    "percent",
    "plural",
    "points",
    "shorten",
    "signed",
    "signed_interval",
    "unsigned_interval",
]

MINUS = "\N{MINUS SIGN}"

_ZERO = 5e-6


def percent(share: float) -> str:
    """Return a share as a percentage, without its sign.

    Example:
        >>> percent(0.8412)
        '84.1'
    """
    return f"{100 * share:.1f}"


def points(difference: float) -> str:
    """Return the size of a difference of shares in percentage points.

    One decimal, but two below 0.1 points: there the first says too little.

    Example:
        >>> points(-0.0213), points(0.0004), points(0.0)
        ('2.1', '0.04', '0.0')
    """
    size = abs(difference)
    if size < _ZERO:
        return "0.0"
    decimals = 2 if round(100 * size, 2) < 0.1 else 1  # noqa: PLR2004
    return f"{100 * size:.{decimals}f}"


def signed(difference: float) -> str:
    """Return a difference of shares in points, with its sign.

    Example:
        >>> signed(0.0213), signed(0.0)
        ('+2.1', '0.0')
    """
    if abs(difference) < _ZERO:
        return points(difference)
    return ("+" if difference > 0 else MINUS) + points(difference)


def correlation(value: float) -> str:
    """Return a correlation.

    Example:
        >>> correlation(0.426), correlation(-0.002)
        ('0.43', '0.00')
    """
    return f"{round(value, 2) + 0.0:.2f}".replace("-", MINUS)


def signed_interval(interval: Interval) -> str:
    """Return the ends of an interval of differences, with their signs."""
    return f"{signed(interval.low)} to {signed(interval.high)}"


def unsigned_interval(interval: Interval) -> str:
    """Return the ends of an interval that leaves out 0, the smaller size first."""
    near, far = sorted((interval.low, interval.high), key=abs)
    return f"{points(near)} to {points(far)}"


def count(number: int) -> str:
    """Return a whole number with its thousands set apart."""
    return f"{number:,}".replace("-", MINUS)


def shorten(number: int) -> str:
    """Return a large number in three digits or so and a unit.

    Example:
        >>> shorten(4_230_000), shorten(1_814_000_000), shorten(512)
        ('4.2 M', '1.8 G', '512')
    """
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        # 999,960 would show as 1000.0 k; from there on the next unit serves.
        if abs(number) >= 0.99995 * size:
            return f"{number / size:.1f} {unit}".replace("-", MINUS)
    return count(number)


def plural(number: int, noun: str, *, many: str = "") -> str:
    """Return ``1 block`` or ``3 blocks``."""
    return f"{count(number)} {noun if number == 1 else many or noun + 's'}"


def join(words: Sequence[str], *, most: int | None = None) -> str:
    """Return ``a, b and c``; beyond ``most`` words the rest are counted.

    Example:
        >>> join(["se", "eca", "cbam"]), join(list("abcde"), most=3)
        ('se, eca and cbam', 'a, b, c and 2 more')
    """
    if most is not None and len(words) > most:
        words = [*words[:most], f"{len(words) - most} more"]
    if len(words) < 2:  # noqa: PLR2004
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"
