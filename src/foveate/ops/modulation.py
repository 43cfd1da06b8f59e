"""Scale a map by what its neighbours hold at several scales."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from foveate.ops._op import Op
from foveate.ops.gates import scale
from foveate.ops.kernels import levels as kernels_of_levels
from foveate.ops.kernels._conditions import why_not_native
from foveate.ops.kernels._gradients import differentiate
from foveate.ops.resizing import resize_nearest_inside_border
from foveate.ops.windows import bordered_max_pool

__all__ = ["gate_by_levels", "modulate_by_levels"]


def gate_by_levels(  # noqa: PLR0917
    x: Tensor,
    kernels: Tensor,
    offsets: Tensor,
    mixing: Tensor,
    bias: Tensor,
    levels: int,
) -> Tensor:
    """Return the GELU of convolutions at sizes that halve level by level.

    The channels are shared out among the levels. Level ``i`` looks at maxima at
    ``1 / 2^i`` of the size, by one 3x3 kernel a channel, and its answer is copied back
    to the size of ``x``. A 1x1 convolution mixes all levels.

    Args:
        x: Feature map, ``(B, C, H, W)``.
        kernels: Of all levels one after another, ``(C, 1, 3, 3)``.
        offsets: Are added to their answers, ``(C,)``.
        mixing: Weights of the 1x1 convolution, ``(C, C, 1, 1)``.
        bias: Its bias, ``(C,)``.
        levels: How many levels there are; they divide C.

    Returns:
        ``(B, C, H, W)``.
    """
    height, width = x.shape[2], x.shape[3]
    given = [value.chunk(levels, dim) for value, dim in ((x, 1), (kernels, 0))]
    answers = []
    for number, share in enumerate(given[0]):
        small = share if number == 0 else bordered_max_pool(share, 2**number)
        answer = functional.conv2d(
            small,
            given[1][number],
            offsets.chunk(levels)[number],
            padding=1,
            groups=share.shape[1],
        )
        if number > 0:
            answer = resize_nearest_inside_border(answer, height, width)
        answers.append(answer)
    return functional.gelu(functional.conv2d(torch.cat(answers, dim=1), mixing, bias))


@Op
def modulate_by_levels(  # noqa: PLR0917
    x: Tensor,
    kernels: Tensor,
    offsets: Tensor,
    mixing: Tensor,
    bias: Tensor,
    levels: int,
) -> Tensor:
    """Scale ``x`` by the gate of ``gate_by_levels``, in the type of ``x``.

    The faster path keeps only the input for the gradient, and works the gate out again.

    Args:
        x: Feature map, ``(B, C, H, W)``.
        kernels: See ``gate_by_levels``, as for the others.
        offsets: ``(C,)``.
        mixing: ``(C, C, 1, 1)``.
        bias: ``(C,)``.
        levels: How many levels there are.

    Returns:
        Same shape and dtype as ``x``.
    """
    return scale(x, gate_by_levels(x, kernels, offsets, mixing, bias, levels))


def _why_not(  # noqa: PLR0917
    x: Tensor,
    kernels: Tensor,
    offsets: Tensor,
    mixing: Tensor,
    bias: Tensor,
    levels: int,  # noqa: ARG001
) -> str | None:
    weights = (kernels, offsets, mixing, bias)
    if x.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
        return "works in float32, and autocast is on"
    if any(weight.dtype != x.dtype for weight in weights):
        return "takes weights in the type of the map"
    return why_not_native(x, *weights, fewest=2048)


@modulate_by_levels.faster("native", why_not=_why_not, in_graphs=True)
def _(  # noqa: PLR0917
    x: Tensor,
    kernels: Tensor,
    offsets: Tensor,
    mixing: Tensor,
    bias: Tensor,
    levels: int,
) -> Tensor:
    weights = kernels, offsets, mixing, bias
    y: Tensor = kernels_of_levels.modulate_by_levels(x, *weights, levels)
    return y


differentiate(
    kernels_of_levels.modulate_by_levels,
    kernels_of_levels.modulate_by_levels_backward,
    modulate_by_levels.reference,
)
