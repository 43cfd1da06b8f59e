"""A site: a place in a host that a block can go to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, get_args

from pydantic import Field

from foveate._checks import suggest
from foveate.errors import SiteError, UnknownNameError
from foveate.records._record import Part, Record
from foveate.records._table import table

__all__ = ["POSITIONS", "MapShape", "Position", "Site", "Sites"]

Position = Literal["after", "before", "replace"]
"""Where a block goes: after the layer of a site, before it, or in its place."""

POSITIONS: tuple[Position, ...] = get_args(Position)


class MapShape(Part):
    """The shape of one feature map, without its batch.

    Attributes:
        channels: How many channels it has.
        height: How many rows, for the image that was looked at.
        width: How many columns.
    """

    channels: int
    height: int
    width: int

    def __str__(self) -> str:
        """Return it as ``256 x 14x14``."""
        return f"{self.channels} x {self.height}x{self.width}"


class Site(Part):
    """One layer of a host, and what goes in and comes out of it.

    Attributes:
        path: Its name in the host, as ``named_modules`` gives it.
        type: The name of its class.
        outputs: Its maps: one, or several if it returns several; none if what it
            returns is no map.
        inputs: Those of its first argument.
        stride: How many pixels of the image stand for one row of its first map.
        stage: Which stage of the host ends here, as ``stage:N`` names it.
        refusals: By position, why a block cannot go there.
    """

    path: str
    type: str
    outputs: tuple[MapShape, ...]
    inputs: tuple[MapShape, ...]
    stride: float | None
    stage: int | None = None
    refusals: dict[Position, str] = Field(default_factory=dict)

    @property
    def channels(self) -> int:
        """The channels of its first map."""
        return self._first.channels

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of its first map."""
        return self._first.height, self._first.width

    @property
    def _first(self) -> MapShape:
        if not self.outputs:
            raise SiteError(
                f"{self.path}: {self.type} returns no feature map, so it has neither "
                "channels nor a size. Ask only sites that have outputs."
            )
        return self.outputs[0]

    def maps(self, position: Position) -> tuple[MapShape, ...]:
        """Return the maps that a block at ``position`` gets."""
        return self.outputs if position == "after" else self.inputs


class Sites(Record):
    """The sites of a host, in the order in which it runs them.

    It is a sequence of them: it has a length, an order, and can be walked through.

    Attributes:
        host: The name of the host's class.
        example: The shapes of what the host was looked at with.
        sites: The layers.
    """

    host: str
    example: tuple[tuple[int, ...], ...]
    sites: tuple[Site, ...]

    def __len__(self) -> int:
        return len(self.sites)

    # a record of one list is walked through by its items, not by its fields
    def __iter__(self) -> Iterator[Site]:  # type: ignore[override]
        return iter(self.sites)

    def __getitem__(self, key: int | str) -> Site:
        """Return a site by its place in the list, or by its path.

        Raises:
            UnknownNameError: No site has that path; near ones are offered.
        """
        if isinstance(key, int):
            return self.sites[key]
        sites = {site.path: site for site in self.sites}
        if key not in sites:
            raise UnknownNameError(f"no site {key!r}. {suggest(key, sites)}")
        return sites[key]

    def __str__(self) -> str:
        """Return a table of the sites."""
        rows = [
            (
                site.path,
                site.type,
                ", ".join(map(str, site.outputs)) or "no map",
                "" if site.stride is None else f"{site.stride:g}",
                "" if site.stage is None else f"stage:{site.stage}",
            )
            for site in self.sites
        ]
        return table(("path", "type", "channels x size", "stride", "stage"), rows)
