"""What the kernels in Triton compute, beside its reference: forward and backward.

Tests take it by ``load_file(Path(__file__).with_name("cases.py"))``.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch

from foveate import ops
from foveate.ops.kernels.triton import affine, pooling, scaling, simam

SHAPES = [
    (2, 6, 5, 7),
    (1, 1, 1, 1),
    (3, 1, 9, 4),
    (1, 5, 33, 17),
    (2, 4, 19, 1),
    (1, 2, 3, 600),
]
"""Odd sides, one place, one channel, one row or column, columns that no tile holds."""

LARGE_PLANES = (2, 2, 129, 131)
MANY_CHANNELS = (2, 150, 1, 47)
"""More than a tile of planes holds, and more than a tile of channels and places."""

E_LAMBDA = 1e-2


class Case(NamedTuple):
    """One operation.

    Attributes:
        name: Of the operation, and what it is given.
        inputs: Makes all inputs from a map.
        forward: Takes the inputs, returns outputs that have a gradient, then others.
        backward: Takes gradients of the outputs, inputs, and what forward returned.
        reference: Takes the inputs.
        large: A shape whose work is cut in every way that there is.
    """

    name: str
    inputs: Callable
    forward: Callable
    backward: Callable
    reference: Callable
    large: tuple = LARGE_PLANES


def maps(shape, dtype):
    """Return a map with values that tie, of both signs."""
    random = torch.Generator().manual_seed(3)
    x = torch.randn(shape, generator=random).mul(4).round().div(4)
    return x.to(dtype)


def like(x, shape):
    """Return powers of 2, so that their products with ``x`` are exact."""
    random = torch.Generator().manual_seed(4)
    return torch.randint(-2, 2, shape, generator=random).float().exp2().to(x.dtype)


def channel(x):
    return like(x, (*x.shape[:2], 1, 1))


def place(x):
    return like(x, (x.shape[0], 1, *x.shape[2:]))


def row(x):
    return like(x, (*x.shape[:3], 1))


def column(x):
    return like(x, (*x.shape[:2], 1, x.shape[3]))


def blend(x, y, amount):
    return x + amount * (y - x)


def gate_case(name, *gates, large=LARGE_PLANES):
    one = len(gates) == 1
    forward = scaling.scale_one if one else scaling.scale_two
    backward = scaling.scale_one_backward if one else scaling.scale_two_backward
    return Case(
        f"scale by {name}",
        lambda x: [x, *(gate(x) for gate in gates)],
        lambda *inputs: [forward(*inputs)],
        lambda dy, inputs, found: backward(*dy, *inputs),
        ops.scale.reference,
        large,
    )


def affine_case(name, images, groups):
    def inputs(x):
        shape = (x.shape[0] if images else 1, x.shape[1], 1, 1)
        return [x, like(x, shape).float(), like(x, shape).float() - 1]

    def of(x):
        # groups divide channels: those of one channel are in one group
        return groups if x.shape[1] % groups == 0 else 1

    return Case(
        f"affine sigmoid scale {name}",
        inputs,
        lambda x, *rest: [affine.affine_sigmoid_scale(x, *rest, of(x))],
        lambda dy, inputs, found: affine.affine_sigmoid_scale_backward(
            *dy, *inputs, of(inputs[0])
        ),
        lambda x, *rest: ops.affine_sigmoid_scale.reference(x, *rest, of(x)),
    )


CASES = [
    Case(
        "simam",
        lambda x: [x],
        lambda x: simam.simam(x, E_LAMBDA),
        lambda dy, inputs, found: [
            simam.simam_backward(dy[0], *inputs, E_LAMBDA, found[1])
        ],
        lambda x: ops.simam.reference(x, E_LAMBDA),
    ),
    gate_case("channels", channel),
    gate_case("places", place, large=MANY_CHANNELS),
    gate_case("rows", row),
    gate_case("columns", column),
    gate_case("channels and places", channel, place, large=MANY_CHANNELS),
    gate_case("rows and columns", row, column),
    Case(
        "scale by logits",
        lambda x: [x, x.flip(3)],
        lambda x, logits: [scaling.scale_full(x, logits)],
        lambda dy, inputs, found: scaling.scale_full_backward(*dy, *inputs),
        ops.sigmoid_scale.reference,
    ),
    Case(
        "blend",
        lambda x: [x, x.flip(2) * 2, like(x, (1, x.shape[1], 1, 1))],
        lambda x, y, amount: [scaling.blend(x, y, amount)],
        lambda dz, inputs, found: scaling.blend_backward(*dz, *inputs),
        blend,
    ),
    Case(
        "mean and maximum over places",
        lambda x: [x],
        pooling.mean_max_over_places,
        lambda dy, inputs, found: [
            pooling.mean_max_over_places_backward(*dy, *inputs, found[1])
        ],
        ops.mean_max_over_places.reference,
    ),
    Case(
        "mean and maximum over channels",
        lambda x: [x],
        lambda x: [pooling.mean_max_over_channels(x, None)],
        lambda dy, inputs, found: pooling.mean_max_over_channels_backward(
            *dy, *inputs, None, *found
        ),
        ops.mean_max_over_channels.reference,
        MANY_CHANNELS,
    ),
    Case(
        "mean and maximum over scaled channels",
        lambda x: [x, channel(x)],
        lambda x, gate: [pooling.mean_max_over_channels(x, gate)],
        lambda dy, inputs, found: pooling.mean_max_over_channels_backward(
            *dy, *inputs, *found
        ),
        ops.mean_max_over_channels.reference,
        MANY_CHANNELS,
    ),
    Case(
        "means of rows and columns",
        lambda x: [x],
        pooling.mean_of_rows_and_columns,
        lambda dy, inputs, found: [
            pooling.mean_of_rows_and_columns_backward(*dy, *inputs)
        ],
        ops.mean_of_rows_and_columns.reference,
    ),
    Case(
        "moments",
        lambda x: [x],
        affine.moments,
        lambda dy, inputs, found: [affine.moments_backward(*dy, *inputs, found[0])],
        ops.moments.reference,
    ),
    affine_case("with weights of all images", images=False, groups=1),
    affine_case("with weights of each image, shuffled", images=True, groups=3),
]
