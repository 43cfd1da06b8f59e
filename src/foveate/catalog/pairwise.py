"""Cards of the blocks that let places look at places."""

from __future__ import annotations

from foveate.catalog._card import Card, Option, Paper, Variant
from foveate.catalog._options import bottleneck

__all__ = ["CARDS"]

CARDS = (
    Card(
        name="criss_cross",
        kind="pairwise",
        summary="Add to each place a weighted mean of its row and its column.",
        paper=Paper(
            title="CCNet: Criss-Cross Attention for Semantic Segmentation",
            authors="Zilong Huang, Xinggang Wang, Yunchao Wei, Lichao Huang, "
            "Humphrey Shi, Wenyu Liu, Thomas S. Huang",
            year=2019,
            link="https://arxiv.org/abs/1811.11721",
            venue="ICCV",
        ),
        formula="a(u, v) = softmax over v in row and column of u of "
        "query(x_u) . key(x_v)\n"
        "y = x + gamma * sum over v of a(u, v) * value(x_v)",
        parameters=82_241,
        options=(
            *bottleneck(reduction=8),
            Option("recurrence", 1, "How often it is applied, with the same weights."),
        ),
        aliases=("cca", "criss_cross_attention"),
        needs=("products of B * H * W * (H + W) pairs of places in each pass",),
        differs=(
            "The block alone: the head of CCNet puts a 3x3 convolution before and "
            "after it.",
            "Products are not divided by the root of their width, as in the paper and "
            "the authors' code.",
            "A new block returns its input: gamma starts at 0, as in the authors' "
            "code.",
            "Queries and keys keep at least one channel, where the authors' code "
            "fails below 8 channels.",
            "One mask is made where the input is and in any precision; the authors' "
            "pure Python code makes B * W, in float32 and on CUDA only.",
            "Products of half-precision queries and keys, and their softmax, are in "
            "float32, also under autocast.",
        ),
        variants=(
            Variant(
                name="rcca",
                summary="Two passes that share weights, as CCNet has it: each place "
                "sees all.",
                options={"recurrence": 2},
            ),
        ),
    ),
    Card(
        name="osra",
        kind="pairwise",
        summary="Replace each place by a weighted mean over a reduced map.",
        paper=Paper(
            title="TransXNet: Learning Both Global and Local Dynamics with a Dual "
            "Dynamic Token Mixer for Visual Recognition",
            authors="Meng Lou, Shu Zhang, Hong-Yu Zhou, Sibei Yang, Chuan Wu, "
            "Yizhou Yu",
            year=2025,
            link="https://arxiv.org/abs/2310.19380",
            venue="IEEE TNNLS",
        ),
        formula="r = bn2(conv2(act(bn1(conv1(x))))), conv1 of stride sr_ratio\n"
        "keys, values = kv(r + local_conv(r))\n"
        "y = softmax(qk_scale * q(x) . keys + relative_pos_enc) . values, in heads",
        parameters=207_616,
        options=(
            Option("num_heads", 8, "Heads of channels / num_heads channels each."),
            Option(
                "sr_ratio", 2, "Stride of the reduction; 1 leaves the map as it is."
            ),
            Option(
                "qk_scale", None, "Scales the products; None: one over root of width."
            ),
            Option("attn_drop", 0.0, "Share of the weights dropped in training."),
            Option("act_layer", "gelu", "The activation of the reduction."),
        ),
        needs=(
            "channels is a multiple of num_heads",
            "with sr_ratio above 1, a batch in training has more than one place in "
            "the reduced map (B * h * w > 1)",
            "in half precision, under autocast, with attn_drop in training or with "
            "gradients through a relative_pos_enc, memory for "
            "B * num_heads * (H * W)^2 / sr_ratio^2 weights",
            "after torch.export with free sides, maps of which the reduction leaves "
            "more than one row and column; ONNX takes all",
            "with deterministic algorithms on CUDA, a relative_pos_enc that is not to "
            "be resized: torch has no such gradient of that",
        ),
        differs=(
            "8 heads and sr_ratio 2, as in widely copied code; the defaults of the "
            "authors' class are 1 and 1: osra.official. Their models use 8, 4, 2 and 1 "
            "from the first stage to the last.",
            "Weights start as torch starts its layers; the authors' network starts "
            "all of them from a truncated normal of deviation 0.02.",
            "qk_scale of 0 is taken as 0, where the authors' code ignores it.",
            "Products of half-precision queries and keys, and their softmax, are in "
            "float32; under autocast the products are in its type.",
            "No output projection and no shortcut, as in the authors' code.",
        ),
        variants=(
            Variant(
                name="relu",
                summary="ReLU in the reduction, as in widely copied code.",
                options={"act_layer": "relu"},
                differs=("ReLU where the authors have GELU.",),
            ),
            Variant(
                name="official",
                summary="One head and no reduction: the defaults of the authors' code.",
                options={"num_heads": 1, "sr_ratio": 1},
            ),
        ),
    ),
)
