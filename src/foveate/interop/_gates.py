"""Layouts of the other blocks that weigh channels, places or both."""

from __future__ import annotations

from collections.abc import Mapping

from foveate.interop._rules import Layout, Rule, with_copies
from foveate.interop._transforms import LINEAR

__all__ = ["LAYOUTS"]

LAYOUTS: Mapping[str, tuple[Layout, ...]] = {
    "se": (
        Layout(
            "official",
            (Rule("1x1_down", "fc1"), Rule("1x1_up", "fc2")),
            joint="_",
            beside=True,
            about="The Caffe release, as in `conv2_1_1x1_down.weight`; `bias=True`.",
        ),
        Layout(
            "official.plain",
            (Rule("down", "fc1"), Rule("up", "fc2")),
            about="The same without the `1x1_` of its names; `bias=True`.",
        ),
        Layout(
            "timm",
            (Rule("fc1", "fc1"), Rule("fc2", "fc2")),
            about="`SEModule`; `bias=True`.",
        ),
        Layout(
            "collections",
            (Rule("fc.0", "fc1", LINEAR), Rule("fc.2", "fc2", LINEAR)),
            about="senet.pytorch, External-Attention-pytorch, most copies.",
        ),
        Layout(
            "collections.conv",
            (Rule("fc.0", "fc1"), Rule("fc.2", "fc2")),
            about="The same names, with 1x1 convolutions for linear layers.",
        ),
    ),
    "eca": (
        Layout(
            "official",
            (Rule("conv", "conv"),),
            about="`eca_layer` of ECANet, with `kernel_size` by stage.",
        ),
        Layout("timm", (Rule("conv", "conv"),), about="`EcaModule`."),
        Layout("collections", (Rule("conv", "conv"),), about="Copies; `eca.fixed`."),
    ),
    "coordinate": with_copies(
        Layout(
            "official",
            tuple(Rule(n, n) for n in ("conv1", "bn1", "conv_h", "conv_w")),
            about="`coordatt.py` of CoordAttention.",
        ),
        Layout(
            "official.mbv2",
            (
                Rule("conv1", "conv1"),
                Rule("bn1", "bn1"),
                Rule("conv2", "conv_h"),
                Rule("conv3", "conv_w"),
            ),
            about="`mbv2_ca.py` of CoordAttention, its MobileNetV2.",
        ),
        Layout(
            "timm",
            tuple(Rule(n, n) for n in ("conv1", "bn1", "conv_h", "conv_w")),
            about="`CoordAttn`; `bias=False` by its default.",
        ),
    ),
    "gam": (
        Layout(
            "collections",
            (
                Rule("channel_attention.0", "channel.fc1", LINEAR),
                Rule("channel_attention.2", "channel.fc2", LINEAR),
                Rule("spatial_attention.0", "spatial.conv1"),
                Rule("spatial_attention.1", "spatial.bn1"),
                Rule("spatial_attention.3", "spatial.conv2"),
                Rule("spatial_attention.4", "spatial.bn2"),
            ),
            about="Code copied for YOLO; `channel_gate=None, groups=4`.",
        ),
    ),
    "nam": with_copies(
        Layout(
            "official",
            (
                Rule("Channel_Att.bn2", "channel_bn"),
                Rule("Spatial_Att.bn", "spatial_bn"),
            ),
            about="`Att` of NAM.",
        ),
        Layout(
            "official.channel",
            (Rule("bn2", "channel_bn"),),
            about="`Channel_Att` of NAM, alone.",
        ),
    ),
    "shuffle": with_copies(
        Layout(
            "official",
            (
                Rule("cweight", "channel_weight"),
                Rule("cbias", "channel_bias"),
                Rule("sweight", "spatial_weight"),
                Rule("sbias", "spatial_bias"),
                Rule("gn", "norm"),
            ),
            about="`sa_layer` of SA-Net; `groups=64` there.",
        ),
    ),
    "simam": with_copies(Layout("official", (), about="It has no weights.")),
    "soca": with_copies(
        Layout(
            "official",
            (Rule("conv_du.0", "fc1"), Rule("conv_du.2", "fc2")),
            about="`SOCA` of SAN.",
        ),
    ),
}
