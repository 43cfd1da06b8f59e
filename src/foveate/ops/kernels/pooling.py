"""Means and maxima, each pair from one reading of the map."""

from __future__ import annotations

from torch import Tensor

from foveate.ops.kernels import native
from foveate.ops.kernels._maps import new_like
from foveate.ops.kernels._operation import operation

__all__ = [
    "mean_max_over_channels",
    "mean_max_over_channels_backward",
    "mean_max_over_places",
    "mean_max_over_places_backward",
    "mean_of_rows_and_columns",
    "mean_of_rows_and_columns_backward",
]

CACHED = 65536
"""Values of a map that are still in the cache when they are read again."""
TILES = (64, 1024)
"""The fewest and the most places that one task takes at a time."""


@operation("cpu")
def mean_max_over_places(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and maximum of each channel, each ``(B, C, 1, 1)``."""
    batch, channels, height, width = x.shape
    mean = x.new_empty(batch, channels, 1, 1)
    maximum = x.new_empty(batch, channels, 1, 1)
    native.call(
        "fv_mean_max_over_places",
        *(x, mean, maximum),
        *(batch, channels, height * width, x.stride(0)),
    )
    return mean, maximum


@mean_max_over_places.register_fake
def _(x: Tensor) -> tuple[Tensor, Tensor]:
    shape = (*x.shape[:2], 1, 1)
    return x.new_empty(shape), x.new_empty(shape)


@operation("cpu")
def mean_max_over_places_backward(
    dmean: Tensor, dmax: Tensor, x: Tensor, maximum: Tensor
) -> Tensor:
    """Return the gradient of the map."""
    dx = x.new_empty(x.shape)
    batch, channels, height, width = x.shape
    native.call(
        "fv_mean_max_over_places_backward",
        *(dmean.contiguous(), dmax.contiguous(), x, maximum.contiguous(), dx),
        *(batch, channels, height * width, x.stride(0)),
    )
    return dx


@mean_max_over_places_backward.register_fake
def _(dmean: Tensor, dmax: Tensor, x: Tensor, maximum: Tensor) -> Tensor:  # noqa: ARG001
    return new_like(x)


@operation("cpu")
def mean_max_over_channels(x: Tensor, gate: Tensor | None) -> Tensor:
    """Return mean and maximum of the scaled channels, ``(B, 2, H, W)``."""
    batch, channels, height, width = x.shape
    pooled = x.new_empty(batch, 2, height, width)
    native.call(
        "fv_mean_max_over_channels",
        *(x, None if gate is None else gate.contiguous(), pooled),
        *(batch, channels, height * width, x.stride(0)),
    )
    return pooled


@mean_max_over_channels.register_fake
def _(x: Tensor, gate: Tensor | None) -> Tensor:  # noqa: ARG001
    return x.new_empty((x.shape[0], 2, *x.shape[2:]))


@operation("cpu")
def mean_max_over_channels_backward(
    dpooled: Tensor, x: Tensor, gate: Tensor | None, pooled: Tensor
) -> list[Tensor]:
    """Return the gradient of the map and, if there is one, of the gate."""
    batch, channels, height, width = x.shape
    dx, size = x.new_empty(x.shape), _tile(channels)
    dgate = x.new_empty(batch, -(-height * width // size), channels)
    native.call(
        "fv_mean_max_over_channels_backward",
        *(dpooled.contiguous(), x, None if gate is None else gate.contiguous()),
        *(pooled.contiguous(), dx, None if gate is None else dgate),
        *(batch, channels, height * width, x.stride(0), size),
    )
    return [dx] if gate is None else [dx, dgate.sum(dim=1)[:, :, None, None]]


@mean_max_over_channels_backward.register_fake
def _(
    dpooled: Tensor,  # noqa: ARG001
    x: Tensor,
    gate: Tensor | None,
    pooled: Tensor,  # noqa: ARG001
) -> list[Tensor]:
    dx = new_like(x)
    return [dx] if gate is None else [dx, x.new_empty(gate.shape)]


@operation("cpu")
def mean_of_rows_and_columns(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return means of rows, ``(B, C, H, 1)``, and of columns, ``(B, C, 1, W)``."""
    batch, channels, height, width = x.shape
    rows = x.new_empty(batch, channels, height, 1)
    columns = x.new_empty(batch, channels, 1, width)
    native.call(
        "fv_mean_of_rows_and_columns",
        *(x, rows, columns),
        *(batch, channels, height, width, x.stride(0)),
    )
    return rows, columns


@mean_of_rows_and_columns.register_fake
def _(x: Tensor) -> tuple[Tensor, Tensor]:
    batch, channels, height, width = x.shape
    rows = x.new_empty((batch, channels, height, 1))
    return rows, x.new_empty((batch, channels, 1, width))


@operation("cpu")
def mean_of_rows_and_columns_backward(
    drows: Tensor, dcolumns: Tensor, x: Tensor
) -> Tensor:
    """Return the gradient of the map."""
    dx = x.new_empty(x.shape)
    batch, channels, height, width = x.shape
    native.call(
        "fv_mean_of_rows_and_columns_backward",
        *(drows.contiguous(), dcolumns.contiguous(), dx),
        *(batch * channels, height, width),
    )
    return dx


@mean_of_rows_and_columns_backward.register_fake
def _(drows: Tensor, dcolumns: Tensor, x: Tensor) -> Tensor:  # noqa: ARG001
    return new_like(x)


@mean_max_over_places.register_kernel("cuda")
def _(x: Tensor) -> tuple[Tensor, Tensor]:
    from foveate.ops.kernels.triton import pooling as kernels

    return kernels.mean_max_over_places(x)


@mean_max_over_places_backward.register_kernel("cuda")
def _(dmean: Tensor, dmax: Tensor, x: Tensor, maximum: Tensor) -> Tensor:
    from foveate.ops.kernels.triton import pooling as kernels

    return kernels.mean_max_over_places_backward(dmean, dmax, x, maximum)


@mean_max_over_channels.register_kernel("cuda")
def _(x: Tensor, gate: Tensor | None) -> Tensor:
    from foveate.ops.kernels.triton import pooling as kernels

    return kernels.mean_max_over_channels(x, gate)


@mean_max_over_channels_backward.register_kernel("cuda")
def _(dpooled: Tensor, x: Tensor, gate: Tensor | None, pooled: Tensor) -> list[Tensor]:
    from foveate.ops.kernels.triton import pooling as kernels

    return kernels.mean_max_over_channels_backward(dpooled, x, gate, pooled)


@mean_of_rows_and_columns.register_kernel("cuda")
def _(x: Tensor) -> tuple[Tensor, Tensor]:
    from foveate.ops.kernels.triton import pooling as kernels

    return kernels.mean_of_rows_and_columns(x)


@mean_of_rows_and_columns_backward.register_kernel("cuda")
def _(drows: Tensor, dcolumns: Tensor, x: Tensor) -> Tensor:
    from foveate.ops.kernels.triton import pooling as kernels

    return kernels.mean_of_rows_and_columns_backward(drows, dcolumns, x)


def _tile(channels: int) -> int:
    """Return how many places of all channels stay in the cache, a multiple of 16."""
    fewest, most = TILES
    return min(max(CACHED // channels // 16 * 16, fewest), most)
