"""Cards of the blocks that weigh channels."""

from __future__ import annotations

from foveate.catalog._card import ALL_STARTS, Card, Option, Paper, Variant
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
        starts=ALL_STARTS,
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
        variants=(
            Variant(
                name="fixed",
                summary="A kernel of 3: the default of the authors' layer, and copies.",
                options={"kernel_size": 3},
            ),
        ),
        starts=ALL_STARTS,
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
        starts=ALL_STARTS,
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
            Option("bias", True, "Whether the three convolutions have a bias."),
            Option("norm_layer", "batch_norm", "The normalisation after conv1."),
            Option("act_layer", "hardswish", "The activation after it."),
        ),
        aliases=("coord", "ca", "coordatt", "coordinate_attention"),
        differs=(
            "Rows and columns are pooled by means, not by adaptive pooling: equal "
            "numbers, and an exported model stays right at other sizes.",
        ),
        starts=ALL_STARTS,
    ),
    Card(
        name="soca",
        kind="channel",
        summary="Weigh each channel by how it varies with all others.",
        paper=Paper(
            title="Second-Order Attention Network for Single Image Super-Resolution",
            authors="Tao Dai, Jianrui Cai, Yongbing Zhang, Shu-Tao Xia, Lei Zhang",
            year=2019,
            link="https://openaccess.thecvf.com/content_CVPR_2019/html/"
            "Dai_Second-Order_Attention_Network_for_Single_Image_Super-Resolution_"
            "CVPR_2019_paper.html",
            venue="CVPR",
        ),
        formula="S = square root of the covariance of the channels over places\n"
        "z = mean over the columns of S\n"
        "y = x * sigmoid(fc2(relu(fc1(z))))",
        parameters=16_672,
        options=(
            *bottleneck(reduction=8),
            Option("num_iters", 5, "Steps of Newton and Schulz towards the root."),
            Option("max_side", 1000, "The covariance reads at most so wide a centre."),
        ),
        aliases=("second_order",),
        differs=(
            "A map of one value, or of one place, has the covariance 0 and is pooled "
            "to 0; the official code divides by its trace and gives NaN.",
            "A side over max_side is cropped about its centre by itself; the official "
            "code crops a map to a strip if one side is 1000 and the other shorter.",
            "Centred values in place of a matrix of all places by all places: equal "
            "numbers, without its memory.",
            "The covariance and its root are worked out in float32 or better.",
            "5 steps do not reach the root of a wide layer, as in the official code.",
        ),
        starts=ALL_STARTS,
    ),
    Card(
        name="nam",
        kind="channel",
        summary="Weigh each value by the scale that its BatchNorm gives the channel.",
        paper=Paper(
            title="NAM: Normalization-based Attention Module",
            authors="Yichao Liu, Zongru Shao, Yueyang Teng, Nico Hoffmann",
            year=2021,
            link="https://arxiv.org/abs/2111.12419",
            venue="NeurIPS Workshop",
        ),
        formula="w = |scale of bn| / sum of |scale of bn|\n"
        "x' = x * sigmoid(w * bn(x)), bn over channels\n"
        "y = x' * sigmoid(w * bn(x')), bn over places; only with spatial_size",
        parameters=512,
        options=(
            Option("spatial_size", None, "The size of map to weigh the places of."),
            Option("detach", True, "Whether w passes no gradient to the scales."),
        ),
        needs=(
            "a batch in training has more than one place (B * H * W > 1), or torch "
            "refuses it",
            "with spatial_size=(H, W), maps are of that size",
        ),
        differs=(
            "It weighs places only with spatial_size; the official code has dropped "
            "that half.",
            "Scales that all are 0 give a gate of one half, where the official code "
            "gives NaN.",
            "Its gate starts near one half: w is 1 / channels.",
            "The L1 penalty of the paper is nam_penalty(model) in foveate.blocks, to "
            "be added to the loss times, say, 1e-4.",
        ),
        variants=(
            Variant(
                name="learned",
                summary="The shares w pass a gradient, as the formula reads.",
                options={"detach": False},
                differs=("The official code passes no gradient through w.",),
            ),
        ),
    ),
)
