"""What a layer returned, as a map."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from foveate.errors import OptionError

__all__ = ["Transform", "in_words", "map_of"]

Transform = Callable[[Tensor], Tensor]
"""Makes ``(N, C, h, w)`` of what a layer returns."""

MAP_DIMS = 4


def map_of(
    where: str, value: Tensor, transform: Transform | None, images: int
) -> Tensor:
    """Return ``(N, C, h, w)`` without gradients, in single precision at least.

    Args:
        where: What ``value`` is, for messages.
        value: What a layer returned, or gradients by it.
        transform: Makes such a map of it.
        images: N.

    Raises:
        OptionError: It is no such map, or not finite.
    """
    value = value.detach()
    mapped = value if transform is None else transform(value)
    shape = tuple(mapped.shape) if isinstance(mapped, Tensor) else ()
    if len(shape) != MAP_DIMS or shape[0] != images or 0 in shape:
        raise OptionError(
            f"{where} is {in_words(mapped)}, not a map ({images}, C, h, w). Give "
            f"reshape_transform=, which makes such a map of {in_words(value)}, or "
            "name another layer."
        )
    if not mapped.isfinite().all():
        raise OptionError(
            f"{where} is not finite, so no map can be made of it. Run the network in "
            "a wider precision, such as float32, or look for what divides by zero."
        )
    return mapped.to(torch.promote_types(mapped.dtype, torch.float32))


def in_words(value: Any) -> str:
    """Return what a layer returned, for a message.

    Example:
        >>> in_words(torch.ones(2, 5)), in_words((1, 2))
        ('a float32 tensor (2, 5)', 'a tuple of 2')
    """
    if isinstance(value, Tensor):
        dtype = str(value.dtype).removeprefix("torch.")
        return f"a {dtype} tensor {tuple(value.shape)}"
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)}"
    return f"a {type(value).__name__}"
