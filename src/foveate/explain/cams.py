"""The formulas of class activation maps: activations and gradients in, maps out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, get_args

import torch
from torch import Tensor

from foveate.errors import ShapeError
from foveate.pictures.projecting import projected

__all__ = [
    "METHODS",
    "Method",
    "eigencam",
    "first_component",
    "gradcam",
    "gradcam_plus_plus",
    "layercam",
    "summed",
    "weighted",
]

Method = Literal["gradcam", "gradcam++", "layercam", "eigencam", "scorecam", "saliency"]
"""A way to say where a network looks."""

METHODS: tuple[str, ...] = get_args(Method)

MAP_DIMS = 4


def gradcam(activations: Tensor, gradients: Tensor) -> Tensor:
    """Return where the channels are active that raise the score.

    Each channel weighs as much as its mean gradient. Good at the last layers of a
    convolutional network that ends in a mean over places, where it is exact. It
    misleads in middle layers: one weight a channel cannot say that the channel helps
    here and harms there, so a map may light up where the gradient is zero.

    Args:
        activations: What the layer returned, ``(N, C, h, w)``.
        gradients: Those of the score by it.

    Returns:
        ``(N, h, w)``, none below 0, not normalised.

    Raises:
        ShapeError: They are not both ``(N, C, h, w)``.

    Source: Selvaraju et al. (2017), https://arxiv.org/abs/1610.02391, equations 1
    and 2.
    """
    return summed(weighted("gradcam", activations, gradients))


def gradcam_plus_plus(activations: Tensor, gradients: Tensor) -> Tensor:
    """Return where the channels are active that raise the score somewhere.

    Gradients below 0 do not count, and the few places that a channel is active at
    count for more: so several objects of one class are found where Grad-CAM finds the
    largest. It is in closed form for the exponential of the score, in networks of
    ReLUs. It misleads where activations may be below 0 (GELU, SiLU): a weight divides
    by ``2 + gradient * sum(activations)``, which may then come close to 0.

    Args:
        activations: What the layer returned, ``(N, C, h, w)``.
        gradients: Those of the score by it; of the score itself, not its exponential.

    Returns:
        ``(N, h, w)``, none below 0, not normalised.

    Raises:
        ShapeError: They are not both ``(N, C, h, w)``.

    Source: Chattopadhyay et al. (2018), https://arxiv.org/abs/1710.11063, equation 19.
    """
    return summed(weighted("gradcam++", activations, gradients))


def layercam(activations: Tensor, gradients: Tensor) -> Tensor:
    """Return where activations are that raise the score, place by place.

    Each place of each channel weighs as much as its own gradient, if above 0. Good in
    any layer, also the early ones with fine maps. It misleads where the score falls by
    what a place has: only what speaks for the target is seen.

    Args:
        activations: What the layer returned, ``(N, C, h, w)``.
        gradients: Those of the score by it.

    Returns:
        ``(N, h, w)``, none below 0, not normalised.

    Raises:
        ShapeError: They are not both ``(N, C, h, w)``.

    Source: Jiang et al. (2021), https://doi.org/10.1109/TIP.2021.3089943.
    """
    return summed(weighted("layercam", activations, gradients))


def eigencam(activations: Tensor) -> Tensor:
    """Return what most of the activations have in common.

    It is the projection on the first right singular vector of activations, places by
    channels, not centred; of its two signs the one that sides with the norm of the
    activations. It needs no gradients and knows no class: it shows what is salient
    to the layer, and is the same for every target.

    Args:
        activations: What the layer returned, ``(N, C, h, w)``.

    Returns:
        ``(N, h, w)``, none below 0, not normalised.

    Raises:
        ShapeError: They are not ``(N, C, h, w)``.

    Source: Muhammad, Yeasin (2020), https://arxiv.org/abs/2008.00299.
    """
    features = _features(activations)
    return _projected(features, features.norm(dim=1))


def first_component(features: Tensor) -> Tensor:
    """Return along what most of the weighted activations vary.

    It is the projection on their first principal component, places by channels, each
    channel less its mean; it has less noise than their sum. Of its two signs it has
    the one that sides with that sum.

    Args:
        features: Activations times their weights, ``(N, C, h, w)``.

    Returns:
        ``(N, h, w)``, none below 0, not normalised.

    Raises:
        ShapeError: They are not ``(N, C, h, w)``.
    """
    features = _features(features)
    centred = features - features.mean(dim=(2, 3), keepdim=True)
    return _projected(centred, centred.sum(dim=1))


def weighted(method: str, activations: Tensor, gradients: Tensor) -> Tensor:
    """Return activations times their weights, ``(N, C, h, w)``.

    Args:
        method: ``gradcam``, ``gradcam++`` or ``layercam``.
        activations: What the layer returned, ``(N, C, h, w)``.
        gradients: Those of the score by it.

    Raises:
        ShapeError: They are not both ``(N, C, h, w)``.
    """
    features, slopes = _features(activations), _features(gradients)
    if features.shape != slopes.shape:
        raise ShapeError(
            f"{method}: activations and gradients must be of one shape, got "
            f"{tuple(features.shape)} and {tuple(slopes.shape)}."
        )
    return WEIGHTS[method](features, slopes) * features


def summed(features: Tensor) -> Tensor:
    """Return the sum over channels where it is above 0, ``(N, h, w)``."""
    return features.sum(dim=1).relu()


def _mean_gradients(_: Tensor, gradients: Tensor) -> Tensor:
    return gradients.mean(dim=(2, 3), keepdim=True)


def _balanced_gradients(activations: Tensor, gradients: Tensor) -> Tensor:
    # g^2 / (2 g^2 + sum(A) g^3), shortened by g^2, which small gradients would lose
    divisor = 2 + gradients * activations.sum(dim=(2, 3), keepdim=True)
    share = torch.where(divisor == 0, 0, 1 / divisor)
    return (share * gradients.relu()).sum(dim=(2, 3), keepdim=True)


def _positive_gradients(_: Tensor, gradients: Tensor) -> Tensor:
    return gradients.relu()


WEIGHTS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "gradcam": _mean_gradients,
    "gradcam++": _balanced_gradients,
    "layercam": _positive_gradients,
}
"""By method with gradients, what activations are multiplied by."""


def _features(values: Tensor) -> Tensor:
    """Return ``(N, C, h, w)`` in single precision at least."""
    if values.dim() != MAP_DIMS:
        raise ShapeError(
            f"class activation maps: expected maps (N, C, h, w), got "
            f"{tuple(values.shape)}."
        )
    return values.detach().to(torch.promote_types(values.dtype, torch.float32))


def _projected(features: Tensor, side: Tensor) -> Tensor:
    """Return each map on its first right singular vector, on the side of ``side``."""
    # some accelerators have no double precision, which it needs
    values = projected(features.cpu().numpy(), side.cpu().numpy())
    return torch.from_numpy(values).to(features)
