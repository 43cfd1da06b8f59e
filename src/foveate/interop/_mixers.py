"""Layouts of the blocks that relate places or scales, and of the fusions."""

from __future__ import annotations

from collections.abc import Mapping

from foveate.interop._rules import Layout, Rule, part, with_copies
from foveate.interop._transforms import LINEAR, STACK

__all__ = ["LAYOUTS"]

FUSED = (Rule("SE{+1}.conv.0", "fc.{}"), Rule("SE{+1}.conv.1", "fc_bn.{}"))
PROJECTED = (Rule("project.0", "project.conv"), Rule("project.1", "project.bn"))
EXTRACTED = (
    Rule("layer{+1}.0", "branches.{}.conv"),
    Rule("layer{+1}.1", "branches.{}.bn"),
)
EXECUTED = "`MFEblock` of SHISRCNet as it is executed; `fc_norm=True`."

LAYOUTS: Mapping[str, tuple[Layout, ...]] = {
    "criss_cross": with_copies(
        Layout(
            "official",
            (
                Rule("gamma", "gamma"),
                Rule("query_conv", "query"),
                Rule("key_conv", "key"),
                Rule("value_conv", "value"),
            ),
            about="`CrissCrossAttention` of CCNet.",
        ),
    ),
    "osra": (
        Layout(
            "official",
            (
                Rule("q", "q"),
                Rule("kv", "kv"),
                Rule("sr.0.conv", "sr.conv1"),
                Rule("sr.0.bn", "sr.bn1"),
                Rule("sr.1.conv", "sr.conv2"),
                Rule("sr.1.bn", "sr.bn2"),
                Rule("local_conv", "local_conv"),
            ),
            about="`Attention` of TransXNet.",
        ),
        Layout(
            "collections",
            (
                Rule("q", "q"),
                Rule("kv", "kv"),
                Rule("sr.0", "sr.conv1"),
                Rule("sr.1", "sr.bn1"),
                Rule("sr.3", "sr.conv2"),
                Rule("sr.4", "sr.bn2"),
                Rule("local_conv", "local_conv"),
            ),
            about="Copies without mmcv; `osra.relu`.",
        ),
    ),
    "s2": (
        Layout(
            "collections",
            (
                Rule("mlp1", "expand", LINEAR),
                Rule("mlp2", "project", LINEAR),
                Rule("split_attention.mlp1", "split.fc1", LINEAR),
                Rule("split_attention.mlp2", "split.fc2", LINEAR),
            ),
            about="External-Attention-pytorch, and copies; see below.",
        ),
    ),
    "safm": with_copies(
        Layout(
            "official",
            (Rule("mfr.{}", "levels.{}"), Rule("aggr", "aggr")),
            about="`SAFM` of SAFMN.",
        ),
    ),
    "sk": (
        Layout(
            "official",
            (
                Rule("3x3g32", "branches.0.conv"),
                Rule("3x3g32/bn", "branches.0.bn"),
                Rule("3x3g32d2", "branches.1.conv"),
                Rule("3x3g32d2/bn", "branches.1.bn"),
                Rule("B_fc1", "attn.fc1"),
                Rule("B_fc1/bn", "attn.bn"),
                Rule("B_fc2", "attn.fc2"),
            ),
            joint="/",
            beside=True,
            about="The Caffe release, as in `conv2_1/3x3g32/bn.weight`.",
        ),
        Layout(
            "official.plain",
            (
                Rule("branches.{}.0", "branches.{}.conv"),
                Rule("branches.{}.1", "branches.{}.bn"),
                Rule("reduce", "attn.fc1"),
                Rule("bn", "attn.bn"),
                Rule("select", "attn.fc2"),
            ),
            about="The same layers, named for PyTorch.",
        ),
        Layout(
            "timm",
            (
                Rule("paths.{}.conv", "branches.{}.conv"),
                Rule("paths.{}.bn", "branches.{}.bn"),
                Rule("attn.fc_reduce", "attn.fc1"),
                Rule("attn.bn", "attn.bn"),
                Rule("attn.fc_select", "attn.fc2"),
            ),
            about="`SelectiveKernel` with `split_input=False`.",
        ),
        Layout(
            "collections",
            (
                Rule("convs.{}.conv", "branches.{}.conv"),
                Rule("convs.{}.bn", "branches.{}.bn"),
                Rule("fc", "attn.fc1", LINEAR),
                Rule("fcs.{}", "attn.fc2", STACK, per="branches.{}.conv"),
            ),
            about="External-Attention-pytorch, and copies; `sk.dense`.",
        ),
    ),
    "gated": (
        Layout(
            "collections",
            (Rule("fc1", "fc1", LINEAR), Rule("fc2", "fc2", LINEAR)),
            about="Widely copied code on channels-last maps.",
        ),
    ),
    "msf": (
        Layout("official", (*PROJECTED, *FUSED), about=EXECUTED),
        Layout(
            "collections",
            (*PROJECTED, *FUSED),
            about="`MSFblock`, a copy; `fc_norm=False`.",
        ),
    ),
    "mfe": (
        Layout(
            "official",
            (*EXTRACTED, *part("", "msf.", (*PROJECTED, *FUSED))),
            about=EXECUTED,
        ),
        Layout(
            "collections",
            (*EXTRACTED, *part("", "msf.", (*PROJECTED, *FUSED))),
            about="`MFEblock`, as copied; `fc_norm=False`.",
        ),
    ),
    "csf": (
        Layout(
            "official",
            (
                Rule("Up.0", "up.conv"),
                Rule("Up.1", "up.bn"),
                Rule("layer1.0.conv.0", "fc1.conv"),
                Rule("layer1.0.conv.1", "fc1.bn"),
                Rule("layer1.1.conv.0", "fc2.conv"),
                Rule("layer1.1.conv.1", "fc2.bn"),
                Rule("SE{+1}.conv.0", "heads.{}.conv"),
                Rule("SE{+1}.conv.1", "heads.{}.bn"),
            ),
            about="`CSFblock` of SHISRCNet.",
        ),
    ),
}
