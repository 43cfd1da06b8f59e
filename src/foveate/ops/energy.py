"""Scale a map by how far each value stands out."""

from __future__ import annotations

from torch import Tensor

from foveate.ops._op import Op
from foveate.ops.gates import sigmoid_scale
from foveate.ops.kernels import simam as kernels
from foveate.ops.kernels._conditions import why_not_native, why_not_triton
from foveate.ops.kernels._gradients import differentiate
from foveate.ops.pooling import mean_over_places
from foveate.ops.precision import at_least_float32, at_least_one

__all__ = ["inverse_energy", "simam"]


def inverse_energy(x: Tensor, e_lambda: float) -> Tensor:
    """Return how far each value stands out in its channel, at least one half.

    Args:
        x: Feature map, ``(B, C, H, W)``. Half precision is summed in float32.
        e_lambda: Is added to the variance, greater than 0.

    Returns:
        ``(B, C, H, W)``, in float32 or better.
    """
    wide = at_least_float32(x)
    squares = (wide - mean_over_places(wide)).square()
    others = at_least_one(x.shape[2] * x.shape[3] - 1)
    variance: Tensor = squares.sum(dim=(2, 3), keepdim=True) / others
    return squares / (4 * (variance + e_lambda)) + 0.5


@Op
def simam(x: Tensor, e_lambda: float) -> Tensor:
    """Scale ``x`` by the sigmoid of its inverse energy.

    Args:
        x: Feature map, ``(B, C, H, W)``.
        e_lambda: Is added to the variance, greater than 0.

    Returns:
        Same shape and dtype as ``x``.
    """
    return sigmoid_scale(x, inverse_energy(x, e_lambda))


def _why_not_native(x: Tensor, e_lambda: float) -> str | None:  # noqa: ARG001
    return why_not_native(x, fewest=2048)


def _why_not_triton(x: Tensor, e_lambda: float) -> str | None:  # noqa: ARG001
    return why_not_triton(x)


@simam.faster("native", why_not=_why_not_native, in_graphs=True)
@simam.faster("triton", why_not=_why_not_triton, in_graphs=True, when_asked=True)
def _(x: Tensor, e_lambda: float) -> Tensor:
    y: Tensor = kernels.simam(x, e_lambda)[0]
    return y


differentiate(kernels.simam, kernels.simam_backward, simam.reference, saved=(1,))
