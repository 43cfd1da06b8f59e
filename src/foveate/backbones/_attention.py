"""Put attention into the residual blocks of a finished network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Literal, get_args

from torch import nn

from foveate import _checks, blocks, catalog
from foveate.backbones._layout import STAGES
from foveate.backbones._residual import Place, Residual
from foveate.errors import OptionError

__all__ = [
    "Attention",
    "AttentionPlace",
    "attend",
    "check_stages",
    "maker",
]

Attention = str | Callable[[int], nn.Module]
"""A block by its name, or what makes one from a number of channels."""

AttentionPlace = Literal["auto", "branch_end", "after_conv2"]
"""A place in a residual block, or ``auto``: where the block's authors put it."""


def maker(
    attention: Attention | None, options: Mapping[str, Any] | None
) -> Callable[[int], nn.Module] | None:
    """Return what makes the block from a number of channels; None for no attention.

    Raises:
        UnknownNameError: No block has that name.
        UnknownOptionError: The block has no such option.
        OptionError: ``attention`` is neither a name nor makes a block, or there are
            options without a name.
    """
    if isinstance(attention, str):
        catalog.options_of(attention, dict(options or {}))
        return partial(blocks.create, attention, **(options or {}))
    if options:
        raise OptionError(
            "ResNet: attention_options go with the name of a block, "
            f"got {dict(options)!r} with attention={attention!r}. Give the name, or "
            "set them in the callable: functools.partial."
        )
    if attention is None:
        return None
    if isinstance(attention, nn.Module) or not callable(attention):
        raise OptionError(
            "ResNet: attention must be the name of a block, or take channels and "
            f"return a module, got {attention!r} ({type(attention).__name__}). Each "
            "residual block gets one of its own: give the class, not an object of it."
        )
    return attention


def check_stages(stages: Sequence[int]) -> None:
    """Raise OptionError unless ``stages`` names one or more of the four, once each."""
    listed = isinstance(stages, Sequence) and len(stages) > 0
    if not listed or any(type(n) is not int or n not in STAGES for n in stages):
        raise OptionError(
            "ResNet: attention_stages must name one or more of the stages 1, 2, 3 and "
            f"4, such as (3, 4), got {stages!r}."
        )
    if len(set(stages)) < len(stages):
        raise OptionError(
            f"ResNet: attention_stages must name a stage only once, got {stages!r}."
        )


def attend(
    sites: Iterable[tuple[str, Residual]],
    make: Callable[[int], nn.Module] | None,
    *,
    place: AttentionPlace,
    relu_before: bool,
) -> None:
    """Give each residual block of ``sites`` attention of its own.

    Args:
        sites: Residual blocks, each with its name in the network.
        make: Makes the attention from a number of channels; None: there is none.
        place: Where in the residual block it goes.
        relu_before: Whether a ReLU of its own precedes it.

    Raises:
        OptionError: The block does not fit; the message begins with the site.
    """
    _checks.one_of("ResNet", get_args(AttentionPlace), attention_place=place)
    if make is None:
        if relu_before:
            raise OptionError(
                "ResNet: relu_before_attention needs attention, got attention=None."
            )
        return
    for site, residual in sites:
        module, found = _module_and_place(site, residual, make, place)
        if relu_before and found != "branch_end":
            raise OptionError(
                "ResNet: relu_before_attention is for attention at the end of the "
                f"branch, but here it goes {found}. "
                "Set attention_place='branch_end'."
            )
        residual.attend(module, found, relu_before=relu_before)


def _module_and_place(
    site: str,
    residual: Residual,
    make: Callable[[int], nn.Module],
    place: AttentionPlace,
) -> tuple[nn.Module, Place]:
    if place != "auto":
        return _module(site, make, residual.channels_at(place)), place
    module = _module(site, make, residual.channels_at("branch_end"))
    if not isinstance(module, blocks.Block) or module.residual_place == "branch_end":
        return module, "branch_end"
    channels = residual.channels_at(module.residual_place)
    return _module(site, make, channels), module.residual_place


def _module(site: str, make: Callable[[int], nn.Module], channels: int) -> nn.Module:
    try:
        module = make(channels)
    except OptionError as problem:
        raise OptionError(f"{site}: {problem}") from problem
    if not isinstance(module, nn.Module):
        raise OptionError(
            f"{site}: attention must make a torch.nn.Module from {channels} channels, "
            f"got {module!r} ({type(module).__name__})."
        )
    return module
