"""The same images as several networks see them, in one grid."""

from __future__ import annotations

from collections.abc import Mapping

from foveate.errors import OptionError
from foveate.pictures.grid import Cell, Grid
from foveate.pictures.maps import Maps
from foveate.pictures.scales import Scaling
from foveate.pictures.seen import Looked

__all__ = ["side_by_side"]


def side_by_side(
    variants: Mapping[str, Maps], title: str = "", *, scale: Scaling = "shared"
) -> Grid:
    """Return images x variants: the first heat map that each variant has of an image.

    It is the class activation map or, of a look without one, what the first block that
    has a heat map looks at.

    Args:
        variants: By the name of its column, what each network saw in the same images.
        title: Stands above.
        scale: ``shared``: one for all; ``each``: every map from its own lowest value to
            its own highest.

    Raises:
        OptionError: There is no variant, or they did not look at the same images, or
            their first heat maps of an image are of several kinds.

    Example:
        >>> import torch, foveate as fv
        >>> images = torch.rand(2, 3, 64, 64)
        >>> hosts = {"plain": None, "se": "se"}
        >>> grid = side_by_side({
        ...     name: fv.look(fv.backbones.resnet10(width=16, attention=block), images)
        ...     for name, block in hosts.items()
        ... })
        >>> grid.columns, grid.rows
        (('image', 'plain', 'se'), ('image 0', 'image 1'))
    """
    seen = [
        tuple((one.picture.name, one.picture.size) for one in maps)
        for maps in variants.values()
    ]
    if not seen or not seen[0]:
        raise OptionError(
            "side_by_side: expected what one network or more saw in one image or "
            "more, got none."
        )
    for name, images in zip(variants, seen, strict=True):
        if images != seen[0]:
            first = next(iter(variants))
            raise OptionError(
                f"side_by_side: '{name}' and '{first}' did not look at the same "
                "images. Give all of them the same list."
            )
    first_maps = next(iter(variants.values()))
    rows = tuple(zip(*variants.values(), strict=True))
    for row in rows:
        _check_kinds(dict(zip(variants, row, strict=True)))
    return Grid(
        title=title,
        columns=("image", *variants),
        rows=tuple(one.picture.name for one in first_maps),
        cells=tuple((Cell(row[0].picture), *map(_cell, row)) for row in rows),
        notes=_notes(variants),
        scale=scale,
    )


def _check_kinds(row: Mapping[str, Looked]) -> None:
    """Raise OptionError if variants show an image by maps that mean several things."""
    firsts = {name: one.heat[0] for name, one in row.items() if one.heat}
    if len({heat.kind for heat in firsts.values()}) > 1:
        found = ", ".join(
            f"'{name}' {heat.source} ({heat.kind})" for name, heat in firsts.items()
        )
        image = next(iter(row.values())).picture.name
        raise OptionError(
            f"side_by_side: the first heat maps of {image} are of several kinds: "
            f"{found}. Look with the same method in all, such as cam='layercam'."
        )


def _cell(one: Looked) -> Cell:
    if not one.heat:
        return Cell(None, missing="no heat map")
    heat = one.heat[0]
    return Cell(one.picture, heat, caption=heat.target, box=one.box_of(heat))


def _notes(variants: Mapping[str, Maps]) -> tuple[str, ...]:
    """Return what is said of all networks, then what is said of some."""
    by_line: dict[str, list[str]] = {}
    for name, maps in variants.items():
        for line in maps.said:
            by_line.setdefault(line, []).append(name)
    every = [line for line, names in by_line.items() if len(names) == len(variants)]
    others = {line: names for line, names in by_line.items() if line not in every}
    return (*every, *(f"{', '.join(names)}: {line}" for line, names in others.items()))
