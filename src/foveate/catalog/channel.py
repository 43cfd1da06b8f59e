"""Cards of the blocks that weigh channels."""

from __future__ import annotations

from foveate.catalog._card import Card, Option, Paper, Variant
from foveate.catalog._options import bottleneck
from foveate.catalog._papers import CBAM

__all__ = ["CARDS"]

CARDS = (
    Card(
        name="se",
        kind="channel",
        summary="Weigh each channel by a gate computed from its mean.",
        paper=Paper(
            title="Squeeze-and-Excitation Networks",
            authors="Jie Hu, Li Shen, Gang Sun",
            year=2018,
            link="https://arxiv.org/abs/1709.01507",
            venue="CVPR",
        ),
        formula="y = x * sigmoid(fc2(relu(fc1(mean(x)))))",
        parameters=8_192,
        options=(
            *bottleneck(reduction=16),
            Option("bias", False, "Whether fc1 and fc2 have a bias."),
            Option("act_layer", "relu", "The activation of the bottleneck."),
            Option("gate_layer", "sigmoid", "What turns logits into the gate."),
        ),
        aliases=("senet", "squeeze_excite"),
        differs=(
            "No bias by default, as in the formula of the paper; the authors' own "
            "release and timm have one: se.bias.",
            "The bottleneck keeps at least one channel, where widely copied code "
            "makes an empty layer and so a gate that is always one half.",
        ),
        variants=(
            Variant(
                name="bias",
                summary="With biases, as the authors' release and timm.",
                options={"bias": True},
            ),
        ),
    ),
    Card(
        name="eca",
        kind="channel",
        summary="Weigh each channel by its mean and those of its neighbours.",
        paper=Paper(
            title="ECA-Net: Efficient Channel Attention for Deep Convolutional "
            "Neural Networks",
            authors="Qilong Wang, Banggu Wu, Pengfei Zhu, Peihua Li, Wangmeng Zuo, "
            "Qinghua Hu",
            year=2020,
            link="https://arxiv.org/abs/1910.03151",
            venue="CVPR",
        ),
        formula="y = x * sigmoid(conv1d(mean(x)))\n"
        "kernel_size = |(log2(channels) + b) / gamma|, the odd number at or above",
        parameters=5,
        options=(
            Option(
                "kernel_size", None, "Width of the convolution; None: from channels."
            ),
            Option("gamma", 2, "Divides the logarithm in the rule for kernel_size."),
            Option("b", 1, "Is added to the logarithm in that rule."),
        ),
        needs=("kernel_size is odd",),
        differs=(
            "The published ResNets set kernel_size per stage (3557 in ResNet-50), "
            "where the rule of the paper gives 5 for the first: give it to load them.",
        ),
    ),
    Card(
        name="channel",
        kind="channel",
        summary="Weigh each channel by its mean and its maximum (a half of CBAM).",
        paper=CBAM,
        formula="y = x * sigmoid(mlp(mean(x)) + mlp(max(x))), mlp = fc2(relu(fc1(.)))",
        parameters=8_464,
        options=(
            *bottleneck(reduction=16),
            Option("bias", True, "Whether fc1 and fc2 have a bias, which starts at 0."),
            Option("pool_types", ("avg", "max"), "Any of avg, max, lp and lse."),
            Option("act_layer", "relu", "The activation of the bottleneck."),
            Option("rectify_logits", False, "Cut each fc2 at 0, as Keras copies do."),
        ),
        aliases=("channel_attention",),
        differs=("The bottleneck keeps at least one channel.",),
        variants=(
            Variant(
                name="conv",
                summary="Reduction 8 and no bias, as in widely copied code.",
                options={"reduction": 8, "bias": False},
            ),
            Variant(
                name="linear",
                summary="Leaky ReLU, as in code widely copied for YOLO.",
                options={"act_layer": "leaky_relu_0.1"},
            ),
        ),
    ),
    Card(
        name="coordinate",
        kind="channel",
        summary="Weigh each channel by one gate per row and one per column.",
        paper=Paper(
            title="Coordinate Attention for Efficient Mobile Network Design",
            authors="Qibin Hou, Daquan Zhou, Jiashi Feng",
            year=2021,
            link="https://arxiv.org/abs/2103.02907",
            venue="CVPR",
        ),
        formula="f = hardswish(bn1(conv1([mean over columns; mean over rows])))\n"
        "y = x * sigmoid(conv_h(f of rows)) * sigmoid(conv_w(f of columns))",
        parameters=6_680,
        options=(
            *bottleneck(reduction=32, min_channels=8),
            Option("norm_layer", "batch_norm", "The normalisation after conv1."),
            Option("act_layer", "hardswish", "The activation after it."),
        ),
        aliases=("coord", "ca", "coordatt", "coordinate_attention"),
        differs=(
            "Rows and columns are pooled by means, not by adaptive pooling: equal "
            "numbers, and an exported model stays right at other sizes.",
        ),
    ),
)
