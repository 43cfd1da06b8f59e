"""Layouts of CBAM, of its halves, and of the block that joins them."""

from __future__ import annotations

from collections.abc import Mapping

from foveate.interop._rules import Layout, Rule, part
from foveate.interop._transforms import FLIP, LINEAR

__all__ = ["LAYOUTS"]

CHANNEL_OFFICIAL = (Rule("mlp.1", "fc1", LINEAR), Rule("mlp.3", "fc2", LINEAR))
CHANNEL_PLAIN = (Rule("fc1", "fc1"), Rule("fc2", "fc2"))
CHANNEL_LINEAR = (
    Rule("shared_MLP.0", "fc1", LINEAR),
    Rule("shared_MLP.2", "fc2", LINEAR),
)
CHANNEL_SHARED = (Rule("shared_MLP.0", "fc1"), Rule("shared_MLP.2", "fc2"))
CHANNEL_SE = (Rule("se.0", "fc1"), Rule("se.2", "fc2"))
CHANNEL_FC = (Rule("fc.0", "fc1"), Rule("fc.2", "fc2"))

SPATIAL_OFFICIAL = (Rule("spatial.conv", "conv", FLIP), Rule("spatial.bn", "bn"))
SPATIAL_TIMM = (Rule("conv.conv", "conv"), Rule("conv.bn", "bn"))
SPATIAL_CONV = (Rule("conv1", "conv"),)
SPATIAL_LINEAR = (Rule("conv2d", "conv"),)
SPATIAL_REVERSED = (Rule("conv", "conv", FLIP),)

YOLO = "Code copied for YOLO; `cbam.linear`."
SHARED = "The same names, with 1x1 convolutions for linear layers."
HALVES = "Code that keeps `ca` and `sa` in the residual block; `cbam.conv`."
RESIDUAL = (
    "External-Attention-pytorch; `bias=False, spatial_norm=False, spatial_bias=True, "
    "residual=True`."
)
JOINT = "A half of the joint block."

LAYOUTS: Mapping[str, tuple[Layout, ...]] = {
    "channel": (
        Layout(
            "official", CHANNEL_OFFICIAL, about="`ChannelGate` of attention-module."
        ),
        Layout(
            "timm", CHANNEL_PLAIN, about="`ChannelAttn`; `bias=False` by its default."
        ),
        Layout(
            "collections.conv",
            CHANNEL_PLAIN,
            about="Widely copied code; `channel.conv`.",
        ),
        Layout(
            "collections.linear",
            CHANNEL_LINEAR,
            about="Code copied for YOLO; `channel.linear`.",
        ),
        Layout("collections.shared", CHANNEL_SHARED, about=SHARED),
        Layout(
            "collections.residual",
            CHANNEL_SE,
            about="External-Attention-pytorch; `bias=False`.",
        ),
        Layout(
            "collections.halves",
            CHANNEL_FC,
            about="Code that calls it `ca`; `bias=False`.",
        ),
    ),
    "spatial": (
        Layout(
            "official", SPATIAL_OFFICIAL, about="`SpatialGate` of attention-module."
        ),
        Layout(
            "official.whole",
            part("SpatialGate.", "", SPATIAL_OFFICIAL),
            beside=True,
            about="The same in a CBAM.",
        ),
        Layout("timm", SPATIAL_TIMM, about="`SpatialAttn`."),
        Layout(
            "collections.conv",
            SPATIAL_CONV,
            about="Widely copied code; `spatial.conv`.",
        ),
        Layout(
            "collections.linear",
            SPATIAL_LINEAR,
            about="Code copied for YOLO; `spatial.linear`.",
        ),
        Layout(
            "collections.residual",
            part("sa.", "", SPATIAL_REVERSED),
            beside=True,
            about="External-Attention-pytorch; `spatial.linear`.",
        ),
        Layout(
            "collections.joint",
            part("SpatialAttention.", "", SPATIAL_REVERSED),
            beside=True,
            about=JOINT,
        ),
        Layout(
            "foveate.whole",
            (Rule("spatial.conv", "conv"), Rule("spatial.bn", "bn")),
            beside=True,
            about="Ours in a CBAM.",
        ),
    ),
    "cbam": (
        Layout(
            "official",
            (
                *part("ChannelGate.", "channel.", CHANNEL_OFFICIAL),
                *part("SpatialGate.", "spatial.", SPATIAL_OFFICIAL),
            ),
            about="`CBAM` of attention-module, also in NAM and SimAM.",
        ),
        Layout(
            "timm",
            (
                *part("channel.", "channel.", CHANNEL_PLAIN),
                *part("spatial.", "spatial.", SPATIAL_TIMM),
            ),
            about="`CbamModule`; `bias=False` by its default.",
        ),
        Layout(
            "collections.conv",
            (
                *part("channelattention.", "channel.", CHANNEL_PLAIN),
                *part("spatialattention.", "spatial.", SPATIAL_CONV),
            ),
            about="Widely copied code; `cbam.conv`.",
        ),
        Layout(
            "collections.linear",
            (
                *part("channel_attention.", "channel.", CHANNEL_LINEAR),
                *part("spatial_attention.", "spatial.", SPATIAL_LINEAR),
            ),
            about=YOLO,
        ),
        Layout(
            "collections.shared",
            (
                *part("channel_attention.", "channel.", CHANNEL_SHARED),
                *part("spatial_attention.", "spatial.", SPATIAL_LINEAR),
            ),
            about=SHARED,
        ),
        Layout(
            "collections.residual",
            (
                *part("ca.", "channel.", CHANNEL_SE),
                *part("sa.", "spatial.", SPATIAL_REVERSED),
            ),
            about=RESIDUAL,
        ),
        Layout(
            "collections.halves",
            (
                *part("ca.", "channel.", CHANNEL_FC),
                *part("sa.", "spatial.", SPATIAL_CONV),
            ),
            beside=True,
            about=HALVES,
        ),
    ),
    "joint_cbam": (
        Layout(
            "collections",
            (
                *part("ChannelAttention.", "channel.", CHANNEL_SE),
                *part("SpatialAttention.", "spatial.", SPATIAL_REVERSED),
                Rule("MLP.0", "mlp.fc1"),
                Rule("MLP.2", "mlp.fc2"),
            ),
            about="The only code of it.",
        ),
    ),
}
