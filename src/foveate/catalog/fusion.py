"""Cards of the fusions: several maps in, one out."""

from __future__ import annotations

from foveate.catalog._card import Card, Option, Paper, Variant
from foveate.catalog._options import alignment, bottleneck
from foveate.catalog._papers import SHISRCNET

__all__ = ["CARDS"]

CARDS = (
    Card(
        name="add",
        kind="fusion",
        summary="Add maps up.",
        paper=Paper(
            title="Feature Pyramid Networks for Object Detection",
            authors="Tsung-Yi Lin, Piotr Dollar, Ross Girshick, Kaiming He, "
            "Bharath Hariharan, Serge Belongie",
            year=2017,
            link="https://arxiv.org/abs/1612.03144",
            venue="CVPR",
        ),
        formula="y = x1 + ... + xn",
        parameters=0,
        options=(
            Option("num_inputs", 2, "How many maps it takes."),
            *alignment(),
        ),
        aliases=("sum",),
        needs=("all maps are of one shape, unless align says how to make them fit",),
        differs=(
            "Here it is a fusion by itself; the paper adds a lateral 1x1 convolution "
            "and the level above, upsampled: the networks whose names end in _fpn.",
        ),
        starts=(),
    ),
    Card(
        name="concat",
        kind="fusion",
        summary="Stack the channels of maps and project them.",
        paper=Paper(
            title="U-Net: Convolutional Networks for Biomedical Image Segmentation",
            authors="Olaf Ronneberger, Philipp Fischer, Thomas Brox",
            year=2015,
            link="https://arxiv.org/abs/1505.04597",
            venue="MICCAI",
        ),
        formula="y = project([x1; ...; xn])",
        parameters=131_328,
        options=(
            Option("num_inputs", 2, "How many maps it takes."),
            Option("bias", True, "Whether the projection has a bias."),
            *alignment(),
        ),
        aliases=("cat",),
        needs=("all maps are of one shape, unless align says how to make them fit",),
        differs=(
            "One 1x1 convolution brings the channels back, where the paper has two "
            "3x3 convolutions with ReLU.",
        ),
        starts=(),
    ),
    Card(
        name="gated",
        kind="fusion",
        summary="Mix two maps by a gate that both of them set.",
        paper=Paper(
            title="Gated Multimodal Units for Information Fusion",
            authors="John Arevalo, Thamar Solorio, Manuel Montes-y-Gomez, "
            "Fabio A. Gonzalez",
            year=2017,
            link="https://arxiv.org/abs/1702.01992",
            venue="arXiv",
        ),
        formula="z = sigmoid(fc1(x1) + fc2(x2))\ny = z * x1 + (1 - z) * x2",
        parameters=131_584,
        options=alignment(),
        aliases=("gated_fusion",),
        needs=("both maps are of one shape, unless align says how to make them fit",),
        differs=(
            "The paper mixes tanh(projections) of two vectors; this mixes the maps "
            "themselves, place by place, as widely copied code does.",
        ),
        starts=(),
    ),
    Card(
        name="msf",
        kind="fusion",
        summary="Mix maps by weights of each channel, then project.",
        paper=SHISRCNET,
        formula="w = softmax over k of sigmoid(fc_k(mean(x_k)))\n"
        "y = relu(bn(project(w_1 * x_1 + ... + w_n * x_n)))",
        parameters=328_192,
        options=(
            Option("num_inputs", 4, "How many maps it takes."),
            Option("fc_norm", False, "Whether fc_k has BatchNorm and ReLU behind it."),
            *alignment(),
        ),
        needs=(
            "all maps are of one shape, unless align says how to make them fit",
            "a batch in training has more than one place (B * H * W > 1), with fc_norm "
            "more than one image",
        ),
        differs=(
            "In the paper it is the second half of mfe, which adds its input before "
            "the projection; here it is a fusion by itself.",
            "Each fc_k is a plain convolution, as in widely copied code; the official "
            "network has a bias, BatchNorm and ReLU there: msf.official.",
            "A softmax of sigmoids: four maps weigh from 0.109 to 0.475 each, in "
            "msf.official from 0.168 to 0.355.",
        ),
        variants=(
            Variant(
                name="official",
                summary="As the official network is executed.",
                options={"fc_norm": True},
            ),
        ),
        starts=(),
    ),
    Card(
        name="csf",
        kind="fusion",
        summary="Mix two maps by weights of each channel, from the mean of their sum.",
        paper=SHISRCNET,
        formula="z = relu(bn(fc2(relu(bn(fc1(mean(x1 + x2)))))))\n"
        "w = softmax over k of relu(bn(head_k(z)))\n"
        "y = w_1 * x1 + w_2 * x2",
        parameters=166_336,
        options=(
            *bottleneck(reduction=4),
            Option("upsample", 1, "1, or 2 if the second map is half as large."),
            *alignment(),
        ),
        needs=(
            "both maps are of one shape, with upsample=2 the second is half as high "
            "and wide, unless align says how to make them fit",
            "a batch in training has more than one image",
        ),
        differs=(
            "Both maps are of one size by default; in the official network the second "
            "is half as large, and a transposed 2x2 convolution with BatchNorm and "
            "ReLU enlarges it: upsample=2.",
            "The bottleneck is a quarter of the channels; the official network "
            "has 32 of 128, which is the same.",
        ),
        starts=(),
    ),
)
