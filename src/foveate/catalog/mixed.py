"""Cards of the blocks that weigh channels and places."""

from __future__ import annotations

from foveate.catalog._card import ALL_STARTS, Card, Option, Paper, Variant
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
                    "The input is added to the output, which is then one to two times "
                    "the input: nothing is ever weighed down.",
                    "A 3x3 spatial convolution, no BatchNorm, half the channels in "
                    "the bottleneck: that code writes a reduction as a fraction, 0.5.",
                    "That code stacks (max, mean): its spatial kernel fits with its "
                    "two inputs swapped.",
                ),
                starts=("identity", "paper"),
            ),
        ),
        starts=ALL_STARTS,
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
    Card(
        name="s2",
        kind="mixed",
        summary="Mix each place with its four neighbours in three weighted branches.",
        paper=Paper(
            title="S2-MLPv2: Improved Spatial-Shift MLP Architecture for Vision",
            authors="Tan Yu, Xu Li, Yunfeng Cai, Mingming Sun, Ping Li",
            year=2021,
            link="https://arxiv.org/abs/2108.01072",
            venue="arXiv",
        ),
        formula="[x1; x2; x3] = expand(x)\n"
        "b1, b2, b3 = shift(x1), shift'(x2), x3: a quarter of the channels each way\n"
        "w = softmax over k of fc2(gelu(fc1(sum of b1, b2 and b3 over places)))\n"
        "y = project(w1 * b1 + w2 * b2 + w3 * b3)",
        parameters=525_312,
        options=(
            Option("pool", "sum", "How the weights read the places: sum or mean."),
        ),
        aliases=("s2_attention", "s2mlpv2"),
        needs=("channels is a multiple of 4",),
        differs=(
            "A true shift: widely copied code copies in place onto the same memory, "
            "which smears the first row and column over the map, and so differs from "
            "its own exported model. Weights trained with that do not carry over.",
            "It has no residual and no LayerNorm: in the paper's network they stand "
            "around it.",
            "The sums and the weights of the branches are worked out in float32 or "
            "better.",
        ),
        variants=(
            Variant(
                name="mean",
                summary="Weights from means, which do not harden as the map grows.",
                options={"pool": "mean"},
                differs=("The weights read the mean over places, not the sum.",),
            ),
        ),
    ),
    Card(
        name="gam",
        kind="mixed",
        summary="Weigh every value by the channels at its place, then by those around.",
        paper=Paper(
            title="Global Attention Mechanism: Retain Information to Enhance "
            "Channel-Spatial Interactions",
            authors="Yichao Liu, Zongru Shao, Nico Hoffmann",
            year=2021,
            link="https://arxiv.org/abs/2112.05561",
            venue="arXiv",
        ),
        formula="x' = x * sigmoid(fc2(relu(fc1(x)))), at each place\n"
        "y = x' * shuffle(sigmoid(bn2(conv2(relu(bn1(conv1(x')))))))",
        parameters=1_639_680,
        options=(
            Option("reduction", 4, "Both bottlenecks are channels // reduction wide."),
            Option("groups", 1, "Groups of both convolutions, then shuffled."),
            Option("kernel_size", 7, "Side of both convolutions."),
            Option("channel_gate", "sigmoid", "What ends the channel half, or None."),
        ),
        needs=(
            "channels is a multiple of reduction * groups",
            "kernel_size is odd",
            "a batch in training has more than one place (B * H * W > 1)",
        ),
        differs=(
            "The channel half ends in a sigmoid, as the paper describes it; widely "
            "copied code has none: gam.signed.",
            "One group by default; the paper uses groups in its ResNet-50 to save "
            "parameters: gam.grouped.",
        ),
        variants=(
            Variant(
                name="grouped",
                summary="Convolutions in 4 groups, whose gates are then shuffled.",
                options={"groups": 4},
            ),
            Variant(
                name="signed",
                summary="As widely copied: 4 groups, no sigmoid in the channel half.",
                options={"groups": 4, "channel_gate": None},
                differs=(
                    "No sigmoid ends the channel half: its gate has no bounds and can "
                    "turn signs.",
                ),
                starts=("identity", "paper"),
            ),
        ),
        starts=ALL_STARTS,
    ),
    Card(
        name="joint_cbam",
        kind="mixed",
        summary="Weigh channels and places by one perceptron over the logits of both.",
        paper=CBAM,
        formula="c = mlp'(mean(x)) + mlp'(max(x)), one a channel\n"
        "s = conv([mean over channels; max over channels]), one a place\n"
        "[c'; s'] = fc2(relu(fc1([c; s])))\n"
        "y = x * sigmoid(c') * sigmoid(s')",
        parameters=18_051,
        options=(
            Option("spatial_size", None, "The size of all maps, (H, W); must be set."),
            *bottleneck(reduction=16),
            Option("kernel_size", 7, "Side of the spatial convolution."),
            Option("output", "product", "One of product, pair, channel and spatial."),
        ),
        needs=("spatial_size=(H, W): it takes maps of that size", "kernel_size is odd"),
        differs=(
            "It is in no paper and comes from widely copied code; the paper is that "
            "of CBAM, whose gates it joins.",
            "The output is x times both gates; that code returns a tuple, x times "
            "each: output='pair', which fits no place that expects one map.",
            "The spatial convolution reads (mean, max), the order of the paper; that "
            "code stacks (max, mean).",
            "Height and width are checked each; that code checks their product only.",
        ),
        sized=True,
        starts=ALL_STARTS,
    ),
)
