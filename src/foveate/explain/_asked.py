"""The options with which people say how images are to go into a network."""

from __future__ import annotations

from collections.abc import Sequence

from foveate import _checks
from foveate.errors import OptionError
from foveate.explain._customs import Customs

__all__ = ["scaling_of", "sides_of"]

PAIR = 2

MOST_SIDE = 8192


def scaling_of(
    usual: Customs,
    mean: Sequence[float] | float | None,
    std: Sequence[float] | float | None,
) -> tuple[tuple[float, ...], tuple[float, ...], str]:
    """Return mean and deviation, one number a channel, and where they are from.

    Args:
        usual: What the network takes if nothing is asked for.
        mean: As asked for.
        std: Likewise.

    Raises:
        OptionError: Only one is given, or it is of other channels or not a number.
    """
    if mean is None and std is None:
        return usual.mean, usual.std, usual.source
    if mean is None or std is None:
        missing, there = ("mean", "std") if mean is None else ("std", "mean")
        raise OptionError(
            f"look: {there} was given without {missing}. Give both, such as "
            "mean=(0.5, 0.5, 0.5) and std=(0.5, 0.5, 0.5), or neither."
        )
    taken = (
        _of_channels(usual.channels, mean=mean),
        _of_channels(usual.channels, std=std),
    )
    _checks.number("look", above=0, **{f"std[{i}]": v for i, v in enumerate(taken[1])})
    return *taken, "given"


def _of_channels(channels: int, **values: Sequence[float] | float) -> tuple[float, ...]:
    ((name, value),) = values.items()
    each = (value,) * channels if isinstance(value, int | float) else tuple(value)
    _checks.finite_or_none("look", **{f"{name}[{i}]": v for i, v in enumerate(each)})
    if len(each) != channels or None in each:
        raise OptionError(
            f"look: {name} must have {channels} numbers, as the network takes "
            f"{channels} channels, got {value!r}."
        )
    return tuple(float(item) for item in each)


def sides_of(size: int | Sequence[int]) -> tuple[int, int]:
    """Return height and width of a size that is a side or both.

    Raises:
        OptionError: It is neither.
    """
    if isinstance(size, int):
        _check_sides(size=size)
        return size, size
    pair = tuple(size) if isinstance(size, Sequence) else ()
    if len(pair) != PAIR or isinstance(size, str):
        raise OptionError(
            f"look: size must be the shorter side, such as 224, or (height, width), "
            f"got {size!r}."
        )
    _check_sides(**{"size[0]": pair[0], "size[1]": pair[1]})
    return pair[0], pair[1]


def _check_sides(**sides: int) -> None:
    """Raise OptionError unless a network can be given images with such sides."""
    _checks.positive("look", **sides)
    for name, side in sides.items():
        if side > MOST_SIDE:
            raise OptionError(
                f"look: {name} must be at most {MOST_SIDE} pixels, as the maps of a "
                f"network take many times the memory of its input, got {side}."
            )
