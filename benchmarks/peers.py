"""Layers of other packages that do what a block of ours does."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from functools import cache, partial
from types import ModuleType

import torch
from torch import nn

__all__ = ["FIGHTINGCV", "TIMM", "import_timm"]

Maker = Callable[[int], nn.Module]

VISION_OPERATORS = (
    "nms",
    "qnms",
    "roi_align",
    "qroi_align",
    "_roi_align_backward",
    "ps_roi_align",
    "_ps_roi_align_backward",
    "roi_pool",
    "_roi_pool_backward",
    "ps_roi_pool",
    "_ps_roi_pool_backward",
    "deform_conv2d",
    "_deform_conv2d_backward",
)


@cache
def import_timm() -> ModuleType:
    """Return timm, which imports torchvision although nothing here needs that.

    A build of torchvision for graphics cards cannot be imported beside a build of torch
    without: its operators are missing. Their names are enough for it.
    """
    try:
        importlib.import_module("torchvision")
    except RuntimeError:
        library = torch.library.Library("torchvision", "DEF")
        for name in VISION_OPERATORS:
            library.define(f"{name}(...) -> ...")
        for name in [n for n in sys.modules if n.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        # the names are taken back with the library, so it lasts as long as timm
        timm = importlib.import_module("timm")
        timm.operators_of_torchvision = library
        return timm
    return importlib.import_module("timm")


def _timm(module: str, name: str, channels: int, **options: object) -> nn.Module:
    import_timm()
    layer = getattr(importlib.import_module(f"timm.layers.{module}"), name)
    return layer(channels, **options)


def _timm_spatial(channels: int) -> nn.Module:  # noqa: ARG001
    import_timm()
    return importlib.import_module("timm.layers.cbam").SpatialAttn()


def _timm_coordinate(channels: int) -> nn.Module:
    width = max(8, channels // 32)
    return _timm("coord_attn", "CoordAttn", channels, rd_channels=width, bias=True)


def _timm_selective(channels: int) -> nn.Module:
    return _timm(
        "selective_kernel",
        "SelectiveKernel",
        channels,
        groups=32,
        rd_channels=max(channels // 16, 32),
        split_input=False,
    )


TIMM: dict[str, Maker] = {
    "se": partial(_timm, "squeeze_excite", "SEModule", rd_divisor=1, bias=False),
    "eca": partial(_timm, "eca", "EcaModule"),
    "channel": partial(_timm, "cbam", "ChannelAttn", mlp_bias=True),
    "spatial": _timm_spatial,
    "cbam": partial(_timm, "cbam", "CbamModule", mlp_bias=True),
    "coordinate": _timm_coordinate,
    "sk": _timm_selective,
}
"""The layer of timm for a block, with options that make it as wide as ours."""


def _fightingcv(module: str, name: str, *given: object, **options: object) -> nn.Module:
    path = f"fightingcv_attention.attention.{module}"
    return getattr(importlib.import_module(path), name)(*given, **options)


def _fightingcv_eca(channels: int) -> nn.Module:
    kernel_size = 5 if channels >= FIRST_OF_WIDER_KERNELS else 3
    return _fightingcv("ECAAttention", "ECAAttention", kernel_size=kernel_size)


def _fightingcv_coordinate(channels: int) -> nn.Module:
    return _fightingcv("CoordAttention", "CoordAtt", channels, channels)


FIRST_OF_WIDER_KERNELS = 128
"""Where ECA's rule goes from 3 to 5; it goes to 7 beyond what is measured here."""

FIGHTINGCV: dict[str, Maker] = {
    "se": partial(_fightingcv, "SEAttention", "SEAttention"),
    "eca": _fightingcv_eca,
    "cbam": partial(_fightingcv, "CBAM", "CBAMBlock", kernel_size=7),
    "simam": partial(_fightingcv, "SimAM", "SimAM"),
    "coordinate": _fightingcv_coordinate,
    "shuffle": partial(_fightingcv, "ShuffleAttention", "ShuffleAttention"),
    "criss_cross": partial(_fightingcv, "CrissCrossAttention", "CrissCrossAttention"),
}
"""The layer of fightingcv_attention for a block.

Its CBAM adds the input to the output. Left out are its halves of CBAM, which return
gates and do not scale, its selective kernel, another one of four dense branches, and
its S2, which takes 512 channels only.
"""
