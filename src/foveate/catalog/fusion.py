"""Cards of the fusions: several maps in, one out."""

from __future__ import annotations

from foveate.catalog._card import Card, Option, Paper
from foveate.catalog._options import alignment

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
    ),
)
