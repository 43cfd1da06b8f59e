"""Cards of the blocks that weigh channels and places."""

from __future__ import annotations

from foveate.catalog._card import Card, Option, Paper, Variant
from foveate.catalog._options import bottleneck
from foveate.catalog._papers import CBAM

__all__ = ["CARDS"]

CARDS = (
    Card(
        name="cbam",
        kind="mixed",
        summary="Weigh channels, then places, by means and maxima.",
        paper=CBAM,
        formula="x' = channel(x)\ny = spatial(x')",
        parameters=8_564,
        options=(
            *bottleneck(reduction=16),
            Option("kernel_size", 7, "Side of the spatial convolution."),
            Option("bias", True, "Whether the channel half has biases."),
            Option("pool_types", ("avg", "max"), "Any of avg, max, lp and lse."),
            Option("act_layer", "relu", "The activation of the channel bottleneck."),
            Option("rectify_logits", False, "Cut each fc2 at 0, as Keras copies do."),
            Option("spatial_norm", True, "Whether the spatial half has a BatchNorm."),
            Option("spatial_bias", False, "Whether the spatial half has a bias."),
            Option("no_spatial", False, "Leave the spatial half out."),
            Option("residual", False, "Add the input to the output."),
        ),
        needs=(
            "kernel_size is odd",
            "with spatial_norm, a batch in training has more than one place "
            "(B * H * W > 1)",
        ),
        differs=(
            "As the official code; see channel and spatial for its halves.",
            "The spatial convolution reads (mean, max), the order of the paper; the "
            "official code stacks (max, mean).",
        ),
        variants=(
            Variant(
                name="conv",
                summary="Reduction 8, no bias, no BatchNorm: widely copied code.",
                options={"reduction": 8, "bias": False, "spatial_norm": False},
                differs=("No BatchNorm in the spatial half.",),
            ),
            Variant(
                name="linear",
                summary="Leaky ReLU and a spatial bias: code copied for YOLO.",
                options={
                    "act_layer": "leaky_relu_0.1",
                    "spatial_norm": False,
                    "spatial_bias": True,
                },
                differs=("Leaky ReLU, and a bias in place of the BatchNorm.",),
            ),
            Variant(
                name="keras",
                summary="As a widely copied Keras version, faults and all.",
                options={
                    "reduction": 2,
                    "kernel_size": 3,
                    "rectify_logits": True,
                    "spatial_norm": False,
                    "residual": True,
                },
                differs=(
                    "A second ReLU before the sigmoid: the channel gate can never go "
                    "below one half.",
                    "The input is added to the output.",
                    "A 3x3 spatial convolution, no BatchNorm, half the channels in "
                    "the bottleneck.",
                ),
            ),
        ),
    ),
    Card(
        name="simam",
        kind="mixed",
        summary="Weigh each value by how far it stands out in its channel.",
        paper=Paper(
            title="SimAM: A Simple, Parameter-Free Attention Module for Convolutional "
            "Neural Networks",
            authors="Lingxiao Yang, Ru-Yuan Zhang, Lida Li, Xiaohua Xie",
            year=2021,
            link="https://proceedings.mlr.press/v139/yang21o.html",
            venue="ICML",
        ),
        formula="d = (x - mean(x))^2, v = sum(d) / (H * W - 1)\n"
        "y = x * sigmoid(d / (4 * (v + e_lambda)) + 1/2)",
        parameters=0,
        options=(
            Option("e_lambda", 1e-4, "Is added to the variance; greater than 0."),
        ),
        differs=(
            "The variance divides by H * W - 1, as the official code; the paper "
            "divides by H * W. A map of one place divides by 1.",
            "Half-precision inputs are summed in float32.",
        ),
        variants=(
            Variant(
                name="imagenet",
                summary="e_lambda 0.1, as all published models of the authors.",
                options={"e_lambda": 0.1},
            ),
        ),
    ),
    Card(
        name="shuffle",
        kind="mixed",
        summary="Weigh half of each group by channel, half by place, then shuffle.",
        paper=Paper(
            title="SA-Net: Shuffle Attention for Deep Convolutional Neural Networks",
            authors="Qing-Long Zhang, Yu-Bin Yang",
            year=2021,
            link="https://arxiv.org/abs/2102.00240",
            venue="ICASSP",
        ),
        formula="of each group, x0 and x1 the halves:\n"
        "y0 = x0 * sigmoid(w0 * mean(x0) + b0), "
        "y1 = x1 * sigmoid(w1 * group_norm(x1) + b1)\n"
        "y = the channels of all groups, shuffled in two",
        parameters=96,
        options=(
            Option("groups", 8, "Groups of channels; all share the same weights."),
        ),
        aliases=("sa", "shuffle_attention"),
        needs=("channels is a multiple of 2 * groups",),
        differs=(
            "8 groups, which fits from 16 channels on; the authors' ImageNet models "
            "use 64: shuffle.imagenet.",
            "It permutes the channels, so layers trained without it see other input "
            "than they learned on.",
        ),
        variants=(
            Variant(
                name="imagenet",
                summary="64 groups, as the authors' ImageNet models.",
                options={"groups": 64},
            ),
        ),
    ),
)
