"""All heat maps of one image after another, and what is to be said of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from foveate import _checks
from foveate.keras._block_maps import BlockGathering, blocks_of
from foveate.keras._cams import METHODS
from foveate.keras._numbers import Tensor
from foveate.keras._parts import check_model
from foveate.keras._seeing import activation_of
from foveate.keras._where import LayerChoice, Place, find_place
from foveate.pictures import HeatMap, Looked, Maps, Picture, Unread
from foveate.pictures.places import place_of_pixel

__all__ = ["OneByOne"]


class OneByOne:
    """Looks at one image after another, which may be of any sizes."""

    def __init__(
        self,
        model: keras.Model,
        method: str | None,
        layer: LayerChoice,
        *,
        blocks: bool | None,
        query: tuple[int, int] | None,
    ) -> None:
        if method is not None:
            _checks.one_of("look", METHODS, cam=method)
        check_model("look", model)
        self._model = model
        self._method = method
        self._layer = layer
        self._query = query
        self._places: dict[tuple[int, ...], Place] = {}
        self._said: dict[str, None] = {}
        wanted = bool(blocks_of(model)) if blocks is None else blocks
        self._gathering = BlockGathering(model) if wanted else None

    def say(self, *sentences: str) -> None:
        """Keep what is to be said, once."""
        self._said |= dict.fromkeys(sentences)

    def see(self, picture: Picture, x: Tensor, target: Any) -> tuple[HeatMap, ...]:
        """Return the class activation map of an image; blocks are gathered.

        Args:
            picture: The image.
            x: The same, as the model takes it.
            target: What the map is for.
        """
        self.say(*(f"{picture.name}: {note}." for note in picture.notes))
        if self._gathering is not None:
            self._gathering.add(x, place_of_pixel(self._query, picture))
        if self._method is None:
            return ()
        place = self._place(x)
        seen = activation_of(self._model, x, place, self._method, [target])
        return (seen.heat(0),)

    def maps(self, looked: Sequence[Looked], unread: Sequence[Unread]) -> Maps:
        """Return all that was seen."""
        if self._gathering is None:
            return Maps(tuple(looked), said=tuple(self._said), unread=tuple(unread))
        found = self._gathering.finish()
        self.say(*found.said)
        return found.joined(looked, unread, tuple(self._said))

    def _place(self, x: Tensor) -> Place:
        """Return where to look in images of one size.

        The layers are found by the first image, as only maps of one layer compare.
        """
        size = tuple(x.shape)
        if size not in self._places:
            first = next(iter(self._places.values()), None)
            chosen = self._layer if first is None else list(first.layers)
            self._places[size] = find_place(self._model, x, chosen)
        reason = next(iter(self._places.values())).reason
        self.say(f"{self._method}: {reason}.")
        return self._places[size]
