"""Cards of the blocks that weigh scales."""

from __future__ import annotations

from foveate.catalog._card import Card, Option, Paper, Variant
from foveate.catalog._options import bottleneck
from foveate.catalog._papers import SHISRCNET

__all__ = ["CARDS"]

CARDS = (
    Card(
        name="sk",
        kind="scale",
        summary="Share each channel out among convolutions of several sizes.",
        paper=Paper(
            title="Selective Kernel Networks",
            authors="Xiang Li, Wenhai Wang, Xiaolin Hu, Jian Yang",
            year=2019,
            link="https://arxiv.org/abs/1903.06586",
            venue="CVPR",
        ),
        formula="u_k = relu(bn(conv_k(x))), u = u_1 + ... + u_K\n"
        "w = softmax over k of fc2(relu(bn(fc1(mean(u)))))\n"
        "y = w_1 * u_1 + ... + w_K * u_K",
        parameters=62_528,
        options=(
            Option("kernel_sizes", (3, 5), "Sides of the kernels, one a branch."),
            Option("groups", 32, "Groups of each convolution."),
            *bottleneck(reduction=16, min_channels=32),
            Option("dilated", True, "Whether 5 is a 3x3 with dilation 2, and so on."),
            Option("stride", 1, "Stride of each convolution; only 1 keeps the size."),
            Option("conv_bias", False, "Whether the convolutions have a bias."),
            Option("fc_norm", True, "Whether BatchNorm and ReLU follow fc1."),
            Option("fc_bias", False, "Whether fc1 and fc2 have a bias."),
        ),
        aliases=("selective_kernel",),
        needs=(
            "channels is a multiple of groups",
            "kernel_sizes are two or more odd numbers",
            "stride is 1 for an output of the input's size",
            "with fc_norm, a batch in training has more than one image",
        ),
        differs=(
            "In the paper it replaces the 3x3 convolution of a bottleneck; it is not a "
            "gate, so layers trained without it see other input than they learned on.",
            "It starts as the official network does: convolutions from a normal "
            "distribution scaled to their inputs, fc1 and fc2 with a deviation of "
            "0.01, so the branches start with nearly equal weights.",
            "BatchNorm has torch's momentum, 0.1; that of the official network is "
            "0.05 in this sense.",
            "Every branch sees all channels; sk of timm splits them by default.",
        ),
        variants=(
            Variant(
                name="dense",
                summary="Four dense kernels, 1 to 7, as in widely copied code.",
                options={
                    "kernel_sizes": (1, 3, 5, 7),
                    "groups": 1,
                    "dilated": False,
                    "conv_bias": True,
                    "fc_norm": False,
                    "fc_bias": True,
                },
                differs=(
                    "Neither groups nor dilation: 5.5 million parameters at 256 "
                    "channels.",
                    "No BatchNorm and no ReLU between fc1 and fc2.",
                ),
            ),
        ),
    ),
    Card(
        name="safm",
        kind="scale",
        summary="Weigh each value by its surroundings at sizes that halve by level.",
        paper=Paper(
            title="Spatially-Adaptive Feature Modulation for Efficient Image "
            "Super-Resolution",
            authors="Long Sun, Jiangxin Dong, Jinhui Tang, Jinshan Pan",
            year=2023,
            link="https://arxiv.org/abs/2302.13800",
            venue="ICCV",
        ),
        formula="x_0, ..., x_L the channels in n_levels parts\n"
        "f_0 = conv_0(x_0), f_i = up(conv_i(max_pool(x_i, 2^i)))\n"
        "y = x * gelu(aggr([f_0; ...; f_L]))",
        parameters=68_352,
        options=(
            Option("n_levels", 4, "Levels; level i works at 1 / 2^i of the size."),
        ),
        needs=("channels is a multiple of n_levels",),
        differs=(
            "A side is never pooled below one place, so that maps smaller than "
            "2^(n_levels - 1) work; others give the numbers of the official code.",
            "Pooled maps are convolved with a border of one place, whose answers are "
            "dropped: equal numbers, and an exported model stays right at other sizes.",
            "The gate is not within 0 and 1: a GELU has no upper bound.",
            "The authors' network normalises the input and adds it to the output; "
            "the block does neither, as in their code.",
        ),
    ),
    Card(
        name="mfe",
        kind="scale",
        summary="Share each channel out among a chain of ever wider convolutions.",
        paper=SHISRCNET,
        formula="f_0 = relu(bn(conv_0(x))), "
        "f_k = relu(bn(conv_k(f_(k-1) + x))) with dilation r_k\n"
        "w = softmax over k of sigmoid(fc_k(mean(f_k)))\n"
        "y = relu(bn(project(w_0 * f_0 + ... + w_K * f_K + x)))",
        parameters=2_689_536,
        options=(
            Option("dilations", (2, 4, 8), "Dilations of the convolutions after f_0."),
            Option("fc_norm", False, "Whether fc_k has BatchNorm and ReLU behind it."),
        ),
        needs=(
            "a batch in training has more than one place (B * H * W > 1), with fc_norm "
            "more than one image",
        ),
        differs=(
            "Each fc_k is a plain convolution, as in widely copied code; the official "
            "network has a bias, BatchNorm and ReLU there: mfe.official.",
            "It is not a gate, so layers trained without it see other input than they "
            "learned on.",
        ),
        variants=(
            Variant(
                name="official",
                summary="As the official network is executed.",
                options={"fc_norm": True},
            ),
        ),
    ),
)
