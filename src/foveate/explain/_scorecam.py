"""Score-CAM: weigh each channel by the score of what it lets through."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import interpolate

__all__ = ["Scores", "channel_weights"]

Scores = Callable[[Tensor], Tensor]
"""What each of ``(B, C_in, H, W)`` masked images scores for T targets, ``(B, T)``."""


def channel_weights(
    image: Tensor,
    activations: Tensor,
    scores_of: Scores,
    *,
    targets: int,
    batch_size: int,
) -> Tensor:
    """Return the weights of the channels of one image, ``(T, C)``.

    Each channel, resized to the image and scaled from 0 to 1, masks the image; the
    softmax of the scores of the masked images are the weights. Channels that are the
    same everywhere mask nothing and weigh nothing.

    Args:
        image: ``(C_in, H, W)``.
        activations: Of the image, ``(C, h, w)``.
        scores_of: The network.
        targets: T, how many scores each masked image has.
        batch_size: How many masked images the network gets at once.

    Source: Wang et al. (2020), https://arxiv.org/abs/1910.01279, algorithm 1.
    """
    flat = activations.flatten(1)
    varied = (flat.amax(dim=1) > flat.amin(dim=1)).nonzero().flatten()
    weights = flat.new_zeros(targets, len(flat))
    if not len(varied):
        return weights
    starts = range(0, len(varied), batch_size)
    batches = [varied[start : start + batch_size] for start in starts]
    scores = [
        scores_of(image.to(masks) * masks)
        for masks in (_masks(activations[channels], image) for channels in batches)
    ]
    # the score of an empty image, taken off in the paper, changes no softmax
    weights[:, varied] = torch.cat(scores).softmax(dim=0).T.to(flat)
    return weights


def _masks(activations: Tensor, image: Tensor) -> Tensor:
    """Return ``(C, 1, H, W)`` from 0 to 1."""
    sizes = image.shape[-2:]
    masks = interpolate(activations[:, None], sizes, mode="bilinear")
    low, high = (
        masks.amin(dim=(2, 3), keepdim=True),
        masks.amax(dim=(2, 3), keepdim=True),
    )
    # one that shrinking has made flat lets all through
    return torch.where(high > low, (masks - low) / (high - low), 1.0)
