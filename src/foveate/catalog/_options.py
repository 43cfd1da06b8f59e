"""Options that mean the same in every block that has them."""

from __future__ import annotations

from foveate.catalog._card import Option

__all__ = ["alignment", "bottleneck"]


def bottleneck(*, reduction: int, min_channels: int = 1) -> tuple[Option, ...]:
    """Return the three options that set the width of a bottleneck."""
    return (
        Option("reduction", reduction, "The bottleneck is channels // reduction wide."),
        Option("hidden_channels", None, "The bottleneck's width, instead of that."),
        Option("min_channels", min_channels, "The bottleneck is never narrower."),
    )


def alignment() -> tuple[Option, ...]:
    """Return the two options by which a fusion makes its inputs fit each other."""
    return (
        Option("align", "error", "Sizes: error, first, largest or smallest."),
        Option("in_channels", None, "Channels of each map, if others than channels."),
    )
