"""Cards of the blocks that weigh places."""

from __future__ import annotations

from foveate.catalog._card import ALL_STARTS, Card, Option, Variant
from foveate.catalog._papers import CBAM

__all__ = ["CARDS"]

CARDS = (
    Card(
        name="spatial",
        kind="spatial",
        summary="Weigh each place by the mean and maximum over channels around it.",
        paper=CBAM,
        formula="y = x * sigmoid(bn(conv([mean over channels; max over channels])))",
        parameters=100,
        options=(
            Option("kernel_size", 7, "Side of the convolution."),
            Option("norm", True, "Whether a BatchNorm follows the convolution."),
            Option("bias", False, "Whether the convolution has a bias."),
        ),
        aliases=("spatial_attention",),
        needs=(
            "kernel_size is odd",
            "with norm, a batch in training has more than one place (B * H * W > 1)",
        ),
        differs=(
            "BatchNorm after the convolution is the official code's; the formula of "
            "the paper has none: spatial.conv. Its scale starts at 0, as in the "
            "official network, so the gate starts at one half everywhere.",
            "The convolution reads (mean, max), the order of the paper; the official "
            "code stacks (max, mean).",
        ),
        variants=(
            Variant(
                name="conv",
                summary="The formula of the paper: no BatchNorm.",
                options={"norm": False},
            ),
            Variant(
                name="linear",
                summary="No BatchNorm, a bias: as in code widely copied for YOLO.",
                options={"norm": False, "bias": True},
            ),
        ),
        starts=ALL_STARTS,
    ),
)
