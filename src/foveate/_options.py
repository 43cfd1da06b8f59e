"""Options of blocks that mean the same in every framework, and what follows from them.

Blocks for PyTorch and their Keras twins take them from here, so that both accept the
same values, refuse the others in the same words and come to the same sizes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, get_args

from foveate import _checks
from foveate.errors import OptionError

__all__ = [
    "POOLS",
    "UPSAMPLES",
    "Align",
    "Output",
    "SplitPool",
    "bottleneck_width",
    "channels_of_inputs",
    "kernel_size_of",
    "known_pools",
    "no_open_gate",
]

Align = Literal["error", "first", "largest", "smallest"]
"""What to do with maps of several sizes: refuse them, or resize them to one."""

Output = Literal["product", "pair", "channel", "spatial"]
"""What to return: the input times both gates, times each, or times one of them."""

SplitPool = Literal["sum", "mean"]
"""How split attention pools the places of a map."""

POOLS = ("avg", "max", "lp", "lse")
"""Ways to pool a map to one value a channel, by the names of the CBAM code."""

UPSAMPLES = (1, 2)
"""How many times smaller the second map of CSF may be."""

FEWEST_INPUTS = 2


def bottleneck_width(
    owner: str,
    channels: int,
    *,
    reduction: int,
    hidden_channels: int | None,
    min_channels: int,
) -> int:
    """Return the width of a bottleneck, after checking what sets it."""
    _checks.positive(
        owner, channels=channels, reduction=reduction, min_channels=min_channels
    )
    _checks.positive_or_none(owner, hidden_channels=hidden_channels)
    return _checks.hidden_width(
        channels,
        reduction,
        min_channels=min_channels,
        hidden_channels=hidden_channels,
    )


def kernel_size_of(channels: int, *, gamma: float, b: float) -> int:
    """Return the width of ECA's convolution: odd, at or above the rule of its paper.

    Example:
        >>> kernel_size_of(64, gamma=2, b=1), kernel_size_of(256, gamma=2, b=1)
        (3, 5)

    Source: Wang et al. (2020), https://arxiv.org/abs/1910.03151, equation 12.
    """
    rule = int(abs((math.log2(channels) + b) / gamma))
    return rule if rule % 2 else rule + 1


def known_pools(owner: str, pool_types: Sequence[str]) -> tuple[str, ...]:
    """Return ``pool_types`` as a tuple, after checking each."""
    fits = isinstance(pool_types, Sequence) and not isinstance(pool_types, str)
    if not fits or not pool_types:
        raise OptionError(
            f"{owner}: pool_types must be a sequence of names, such as "
            f"('avg', 'max'), got {pool_types!r}."
        )
    for how in pool_types:
        _checks.one_of(owner, POOLS, pool_types=how)
    return tuple(pool_types)


def channels_of_inputs(
    owner: str,
    channels: int,
    *,
    num_inputs: int,
    align: str,
    in_channels: Sequence[int] | None,
) -> tuple[int, ...]:
    """Return the channels of each input of a fusion, after checking what sets them.

    Raises:
        OptionError: A number is not greater than 0, ``in_channels`` does not name
            ``num_inputs`` of them, or some differ although ``align`` is ``error``.
    """
    _checks.positive(owner, channels=channels, num_inputs=num_inputs)
    if num_inputs < FEWEST_INPUTS:
        raise OptionError(f"{owner}: num_inputs must be at least 2, got {num_inputs}.")
    _checks.one_of(owner, get_args(Align), align=align)
    widths = _channels_of_each(owner, channels, num_inputs, in_channels)
    if align == "error" and set(widths) != {channels}:
        raise OptionError(
            f"{owner}: in_channels {widths} differ from channels {channels}, which "
            "needs projections: set align to 'first', 'largest' or 'smallest'."
        )
    return widths


def _channels_of_each(
    owner: str, channels: int, num_inputs: int, in_channels: Sequence[int] | None
) -> tuple[int, ...]:
    if in_channels is None:
        return (channels,) * num_inputs
    if isinstance(in_channels, str) or not isinstance(in_channels, Sequence):
        raise OptionError(
            f"{owner}: in_channels must be the channels of each input, such as "
            f"({channels}, {2 * channels}), got {in_channels!r}."
        )
    if len(in_channels) != num_inputs:
        raise OptionError(
            f"{owner}: in_channels must name the channels of {num_inputs} inputs, got "
            f"{len(in_channels)}: {tuple(in_channels)}."
        )
    for width in in_channels:
        _checks.positive(owner, in_channels=width)
    return tuple(in_channels)


def no_open_gate(
    owner: str, option: str = "", cure: str = "start='identity'"
) -> OptionError:
    """Return the error of a block without ``last_layers``, if so for ``option``."""
    given = f" with {option}" if option else ""
    return OptionError(
        f"{owner}: has no layer that could open its gate{given}; use {cure}."
    )
