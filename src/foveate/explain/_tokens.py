"""How what a layer returns lies on the image: as a map, channels last, or as tokens."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor, nn

from foveate.errors import OptionError

__all__ = ["Layout", "grid_of", "layout_of", "patches_of", "rearranging"]

Size = tuple[int, int]

MAP_DIMS = 4
TOKEN_DIMS = 3
SIDES = 2

MOST_OTHERS = 16
"""The most tokens besides those of places: a class, and registers."""

SLACK = 2
"""How many rows or columns an unpadded convolution may take from a map."""


@dataclass(frozen=True)
class Layout:
    """How the places of an image lie in a tensor.

    Attributes:
        kind: ``map``: ``(B, C, H, W)``; ``last``: ``(B, H, W, C)``; ``tokens``:
            ``(B, N, C)``, row after row.
        size: Rows and columns of places.
        others: How many tokens stand before those of places.
    """

    kind: Literal["map", "last", "tokens"]
    size: Size
    others: int = 0

    def maps(self, x: Tensor) -> Tensor:
        """Return ``(B, C, H, W)``."""
        if self.kind == "map":
            return x
        if self.kind == "last":
            return x.permute(0, 3, 1, 2)
        places = x[:, self.others :].transpose(1, 2)
        return places.reshape(*places.shape[:2], *self.size)


def layout_of(
    module: nn.Module,
    shape: Sequence[int],
    image: Size,
    patches: Sequence[Size] = (),
    *,
    channels_last: bool = False,
) -> Layout | None:
    """Return how what a layer returned for one image lies on it; None if in no way.

    Args:
        module: The layer.
        shape: That of what it returned.
        image: Height and width of the image.
        patches: Sizes of patches of which the network speaks.
        channels_last: Whether the network says that its maps are so.
    """
    if shape[0] != 1 or 0 in shape:
        return None
    if len(shape) == TOKEN_DIMS:
        found = grid_of(shape[1], image, patches)
        return None if found is None else Layout("tokens", found[0], found[1])
    if len(shape) != MAP_DIMS:
        return None
    rows, columns, last = shape[1:]
    # what may be both is taken for what is usual, unless the network says otherwise
    usual = _is_like((columns, last), image) and not channels_last
    if _is_like((rows, columns), image) and _may_be_last(module) and not usual:
        return Layout("last", (rows, columns))
    return Layout("map", (columns, last))


def grid_of(
    tokens: int, image: Size, patches: Sequence[Size] = ()
) -> tuple[Size, int] | None:
    """Return the rows and columns that tokens stand for, and how many others there are.

    Args:
        tokens: How many there are.
        image: Height and width of the image.
        patches: Height and width of patches, those to try first; then come squares that
            divide the image, then all others.

    Example:
        >>> grid_of(197, (224, 224))
        ((14, 14), 1)
        >>> grid_of(6 * 4 + 5, (96, 64), [(16, 16)])
        ((6, 4), 5)
    """
    sides = range(1, min(image) + 1)
    exact = [side for side in sides if not (image[0] % side or image[1] % side)]
    for tried in (patches, [(side, side) for side in exact], [(s, s) for s in sides]):
        fits: list[tuple[int, Size]] = []
        for high, wide in tried:
            for grid in (
                (image[0] // high, image[1] // wide),
                (math.ceil(image[0] / high), math.ceil(image[1] / wide)),
            ):
                others = tokens - grid[0] * grid[1]
                if 0 <= others <= MOST_OTHERS and 0 not in grid:
                    fits.append((others, grid))
        if fits:
            others, grid = min(fits)
            return grid, others
    return None


def patches_of(model: nn.Module) -> list[Size]:
    """Return the sizes of patches that the parts of a network name."""
    found: list[Size] = []
    for module in model.modules():
        patch: Any = getattr(module, "patch_size", None)
        patch = (patch, patch) if isinstance(patch, int) else patch
        pair = isinstance(patch, tuple | list) and len(patch) == SIDES
        if pair and all(isinstance(side, int) and side > 0 for side in patch):
            found.append((patch[0], patch[1]))
    return list(dict.fromkeys(found))


def rearranging(
    layouts: Iterable[tuple[Sequence[int], Layout]],
) -> Callable[[Tensor], Tensor] | None:
    """Return what makes maps of what layers return; None if they all return maps.

    Args:
        layouts: The shape of what each returns, and how it lies there.
    """
    known: dict[tuple[int, ...], Layout] = {}
    for shape, layout in layouts:
        known.setdefault(tuple(shape[1:]), layout)
    if all(layout.kind == "map" for layout in known.values()):
        return None
    return _Rearranging(known)


@dataclass(frozen=True)
class _Rearranging:
    """Make maps of tensors, by what is known of their shapes without the batch."""

    known: Mapping[tuple[int, ...], Layout]

    def __call__(self, x: Tensor) -> Tensor:
        layout = self.known.get(tuple(x.shape[1:]))
        if layout is None:
            raise OptionError(
                f"target_layers: it is not known how {tuple(x.shape)} lies on the "
                "image. All images of a call must be of one size; for another form "
                "give a reshape_transform that returns (N, C, h, w)."
            )
        return layout.maps(x)


def _may_be_last(module: nn.Module) -> bool:
    """Return whether a layer can return channels last: no convolution, no BatchNorm."""
    return not isinstance(
        module,
        nn.modules.conv._ConvNd | nn.modules.batchnorm._BatchNorm,  # noqa: SLF001
    )


def _is_like(size: Size, image: Size) -> bool:
    """Return whether rows and columns are in proportion to an image's."""
    difference = abs(size[0] * image[1] - size[1] * image[0])
    return difference <= SLACK * max(image)
