"""From the values of heat maps to places on a colour bar."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from foveate import _checks
from foveate.errors import OptionError
from foveate.pictures._fitting import fit_densities, fit_gates
from foveate.pictures.heat_map import HeatMap, Values, resized
from foveate.pictures.scale import OWN, Scale

__all__ = ["Group", "Scales", "Scaling", "group_of", "shared", "shares_of"]

Group = Literal["density", "share", "gate"]
"""What compares: activations as densities, so shares, and gates by their values."""

Scaling = Literal["shared", "each"]
"""One scale for all maps of a group, or each map from its own lowest to highest."""


def group_of(heat: HeatMap) -> Group:
    """Return with which maps this one compares."""
    return "density" if heat.kind == "activation" else heat.kind


class Scales(dict[Group, Scale]):
    """The scale of each group of maps."""

    def of(self, heat: HeatMap) -> Scale:
        """Return the scale of a map.

        Raises:
            OptionError: There is none for maps of its kind.
        """
        group = group_of(heat)
        if group not in self:
            known = ", ".join(f"'{name}'" for name in self) or "none"
            raise OptionError(
                f"Scales: there is none for '{group}', which the map '{heat.source}' "
                f"needs, only for: {known}. Take them from shared(...)."
            )
        return self[group]


def shared(heats: Iterable[HeatMap], scale: Scaling = "shared") -> Scales:
    """Return the scale of each group of maps that is there.

    The bars of densities and of shares begin at 0. Each ends at the highest peak or,
    if that is far above the rest, at what a hundredth of all places exceeds: a sharp
    peak does not darken all that is around it. What lies above is clipped, and said.
    The bar of gates goes from 0 to 1 if they fill a good part of it, else from round
    values around the lowest to around the highest.

    Args:
        heats: Every map that is to be compared.
        scale: ``shared``, or ``each``, which is ``OWN`` for every group.

    Raises:
        OptionError: ``scale`` is something else.
    """
    _checks.one_of("shared", ("shared", "each"), scale=scale)
    groups: dict[Group, list[Values]] = {"density": [], "share": [], "gate": []}
    for heat in heats:
        gate = heat.kind == "gate"
        groups[group_of(heat)].append(heat.values if gate else heat.density())
    return Scales(
        {
            group: OWN if scale == "each" else _fit(group, values)
            for group, values in groups.items()
            if values
        }
    )


def _fit(group: Group, values: list[Values]) -> Scale:
    return fit_gates(values) if group == "gate" else fit_densities(values, group)


def shares_of(
    heat: HeatMap, scale: Scale, size: tuple[int, int] | None = None
) -> Values:
    """Return where each place of a map lies on a scale, from 0 to 1.

    Args:
        heat: The map.
        scale: The scale.
        size: ``(height, width)`` to return it at, bilinear; that of the map if None.

    Raises:
        OptionError: Gates on a scale of densities, or the other way round.
    """
    if scale.kind == "own":
        return heat.normalised(size)
    if scale.kind != group_of(heat):
        raise OptionError(
            f"shares_of: the map '{heat.source}' is of kind '{heat.kind}', which has "
            f"no place on a scale of kind '{scale.kind}'. Take that of '"
            f"{group_of(heat)}' from shared(...), or OWN."
        )
    values = heat.values if scale.kind == "gate" else heat.density()
    return scale.place(values if size is None else resized(values, size))
