"""The attention of other libraries, by the names of its classes."""

from __future__ import annotations

from torch import nn

from foveate.blocks import Block

__all__ = ["KNOWN", "is_attention"]

KNOWN = {
    "segmentation_models_pytorch": ("SCSEModule", "SEBlock", "SEModule"),
    "timm": (
        "BatNonLocalAttn",
        "CbamModule",
        "CecaModule",
        "ChannelAttn",
        "CoordAttn",
        "EcaModule",
        "EffectiveSEModule",
        "EfficientLocalAttn",
        "EseModule",
        "GatherExcite",
        "GlobalContext",
        "LightCbamModule",
        "LightChannelAttn",
        "NonLocalAttn",
        "SEModule",
        "SimpleCoordAttn",
        "SpatialAttn",
        "SqueezeExcite",
        "StripAttn",
    ),
    "torchvision": ("SqueezeExcitation",),
    "ultralytics": ("CBAM", "ChannelAttention", "SpatialAttention"),
}
"""By library, the classes that take one map and return one of the same shape.

Those that can have a stride or other channels (selective kernels, split attention,
halo, lambda and bottleneck attention) are layers of their network and not among them.
"""


def is_attention(module: nn.Module) -> bool:
    """Return whether a layer is attention of a known library, or a block of ours.

    Example:
        >>> from foveate.blocks import ECA
        >>> is_attention(ECA(8)), is_attention(nn.ReLU())
        (True, False)
    """
    if isinstance(module, Block):
        return True
    return any(
        kind.__name__ in KNOWN.get(kind.__module__.partition(".")[0], ())
        for kind in type(module).__mro__
    )
