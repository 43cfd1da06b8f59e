"""The formulas of class activation maps, on arrays.

They are those of the maps of networks in PyTorch, where more is said of each: what it
is good for, and where it misleads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from foveate.pictures.projecting import projected

__all__ = ["METHODS", "Method", "eigencam", "weighted"]

Values = NDArray[np.floating]

Method = Literal["layercam", "gradcam", "gradcam++", "eigencam"]
"""A way to say where a model looks."""

METHODS: tuple[str, ...] = get_args(Method)

PLACES = (2, 3)


def weighted(method: str, activations: Values, gradients: Values) -> Values:
    """Return the sum over channels of weighted activations, where above 0.

    Args:
        method: ``gradcam``, ``gradcam++`` or ``layercam``.
        activations: What the layer returned, ``(N, C, h, w)``.
        gradients: Those of the score by it.

    Returns:
        ``(N, h, w)``, none below 0, not normalised.

    Source: Selvaraju et al. (2017), https://arxiv.org/abs/1610.02391, equations 1 and
    2; Chattopadhyay et al. (2018), https://arxiv.org/abs/1710.11063, equation 19; Jiang
    et al. (2021), https://doi.org/10.1109/TIP.2021.3089943.

    Example:
        >>> activations = np.array([[[[1.0, 2.0]], [[3.0, 0.0]]]])
        >>> gradients = np.array([[[[1.0, 0.0]], [[-1.0, 1.0]]]])
        >>> weighted("gradcam", activations, gradients).tolist()
        [[[0.5, 1.0]]]
        >>> weighted("layercam", activations, gradients).tolist()
        [[[1.0, 0.0]]]
    """
    summed: Values = (WEIGHTS[method](activations, gradients) * activations).sum(axis=1)
    positive: Values = np.maximum(summed, 0)
    return positive


def eigencam(activations: Values) -> Values:
    """Return what most of the activations have in common.

    It is the projection on the first right singular vector of activations, places by
    channels, not centred; of its two signs the one that sides with the norm of the
    activations.

    Args:
        activations: What the layer returned, ``(N, C, h, w)``.

    Returns:
        ``(N, h, w)``, none below 0, not normalised.

    Source: Muhammad, Yeasin (2020), https://arxiv.org/abs/2008.00299.
    """
    norms = np.linalg.norm(activations.astype(np.float64), axis=1)
    found: Values = projected(activations, norms)
    return found.astype(activations.dtype, copy=False)


def _mean_gradients(_: Values, gradients: Values) -> Values:
    means: Values = gradients.mean(axis=PLACES, keepdims=True)
    return means


def _balanced_gradients(activations: Values, gradients: Values) -> Values:
    # g^2 / (2 g^2 + sum(A) g^3), shortened by g^2, which small gradients would lose
    divisor = 2 + gradients * activations.sum(axis=PLACES, keepdims=True)
    share = np.divide(1, divisor, out=np.zeros_like(divisor), where=divisor != 0)
    positive = share * np.maximum(gradients, 0)
    sums: Values = positive.sum(axis=PLACES, keepdims=True)
    return sums


def _positive_gradients(_: Values, gradients: Values) -> Values:
    positive: Values = np.maximum(gradients, 0)
    return positive


WEIGHTS: Mapping[str, Callable[[Values, Values], Values]] = {
    "gradcam": _mean_gradients,
    "gradcam++": _balanced_gradients,
    "layercam": _positive_gradients,
}
"""By method with gradients, what activations are multiplied by."""
