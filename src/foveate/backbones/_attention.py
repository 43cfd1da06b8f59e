"""Put attention into the residual blocks of a finished network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

from torch import nn

from foveate import _checks, blocks
from foveate._networks import AttentionPlace, Place, check_stages
from foveate.backbones._making import NameOrMaker, is_fusion, made, maker
from foveate.backbones._residual import Residual
from foveate.errors import OptionError

__all__ = [
    "AttentionPlace",
    "attend",
    "attention_maker",
    "check_stages",
]


def attention_maker(
    attention: NameOrMaker | None, options: Mapping[str, Any] | None
) -> Callable[[int], nn.Module] | None:
    """Return what makes the block from a number of channels; None for no attention.

    Raises:
        UnknownNameError: No block has that name.
        UnknownOptionError: The block has no such option.
        OptionError: ``attention`` is a fusion, or is neither a name nor makes a block,
            or there are options without a name.
    """
    if attention is None and not options:
        return None
    if isinstance(attention, str) and is_fusion(attention):
        raise OptionError(
            f"ResNet: attention takes one map, {_offer_pyramid(attention)}"
        )
    return maker(
        "ResNet", attention, options, option="attention", each="residual block"
    )


def attend(
    network: nn.Module,
    make: Callable[[int], nn.Module] | None,
    *,
    stages: Sequence[int],
    place: AttentionPlace,
    relu_before: bool,
) -> None:
    """Give each residual block of a network attention of its own.

    Args:
        network: A finished network; its residual blocks stand in ``layer1`` and so on.
        make: Makes the attention from a number of channels; None: there is none.
        stages: Which stages have it, 1 to 4.
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
    for site, residual in _sites(network, stages):
        module, found = _module_and_place(site, residual, make, place)
        if relu_before and found != "branch_end":
            raise OptionError(
                "ResNet: relu_before_attention is for attention at the end of the "
                f"branch, but here it goes {found}. "
                "Set attention_place='branch_end'."
            )
        residual.attend(module, found, relu_before=relu_before)


def _sites(network: nn.Module, stages: Sequence[int]) -> list[tuple[str, Residual]]:
    """Return the residual blocks in ``stages`` of a network, each with its name."""
    wanted = {f"layer{stage}" for stage in stages}
    return [
        (name, module)
        for name, module in network.named_modules()
        if isinstance(module, Residual) and name.split(".")[-2] in wanted
    ]


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
    module = made(site, make, channels, option="attention")
    if isinstance(module, blocks.Fusion):
        name = type(module).__name__
        raise OptionError(f"{site}: attention takes one map, {_offer_pyramid(name)}")
    return module


def _offer_pyramid(fusion: str) -> str:
    return (
        f"but {fusion!r} is a fusion of several. Fusions join the levels of a pyramid: "
        "backbones.create('resnet18_fpn', fusion=...)."
    )
