"""All heat maps of one image after another, and what is to be said of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn

from foveate import _checks, _traces
from foveate.errors import NoTargetError, OptionError
from foveate.explain._layer_maps import Transform
from foveate.explain._network import network_of
from foveate.explain.activation import Layers, heat_maps
from foveate.explain.blocks import BlockGathering
from foveate.explain.cams import METHODS, Method
from foveate.explain.layers import Watched, chosen_layers, default_layers
from foveate.pictures import HeatMap, Looked, Maps, Picture, Unread
from foveate.pictures.target import Target
from foveate.surgery.attention import LayerSelector, find_attention

__all__ = ["Asked", "OneByOne"]


@dataclass(frozen=True)
class Asked:
    """What class activation maps are asked for; see ``look``."""

    method: Method | None
    layers: Layers
    transform: Transform | None
    most_boxes: int
    least_score: float


class OneByOne:
    """Looks at one image after another, which may be of any sizes."""

    def __init__(
        self,
        model: nn.Module,
        asked: Asked,
        *,
        blocks: bool | None,
        at: LayerSelector | Sequence[LayerSelector] | None,
        places: int,
    ) -> None:
        if asked.method is not None:
            _checks.one_of("look", METHODS, cam=asked.method)
        self._model = network_of(model)
        self._asked = asked
        self._watched: dict[tuple[int, ...], Watched] = {}
        self._said: dict[str, None] = {}
        if blocks is None:
            blocks = bool(find_attention(self._model, at))
        self._gathering = (
            BlockGathering(self._model, at=at, table_places=places) if blocks else None
        )

    def say(self, *sentences: str) -> None:
        """Keep what is to be said, once."""
        self._said |= dict.fromkeys(filter(None, sentences))

    def see(
        self,
        picture: Picture,
        x: Tensor,
        target: Any,
        query: tuple[float, float] | None,
    ) -> tuple[HeatMap, ...]:
        """Return the class activation maps of an image; blocks are gathered.

        Args:
            picture: The image.
            x: The same, ``(1, C, H, W)``.
            target: What the maps are for.
            query: The place from which pairwise blocks look.
        """
        self.say(*(f"{picture.name}: {note}." for note in picture.notes))
        heat = (
            [] if self._asked.method is None else self._activations(picture, x, target)
        )
        if self._gathering is not None:
            self._gathering.add(x, query=query)
        return tuple(heat)

    def maps(self, looked: Sequence[Looked], unread: Sequence[Unread]) -> Maps:
        """Return all that was seen."""
        if self._gathering is None:
            return Maps(tuple(looked), said=tuple(self._said), unread=tuple(unread))
        found = self._gathering.finish()
        self.say(*found.said)
        return found.joined(looked, unread, tuple(self._said))

    def _activations(self, picture: Picture, x: Tensor, target: Any) -> list[HeatMap]:
        asked = self._asked
        try:
            found = heat_maps(
                self._model,
                x,
                targets=[target],
                most_boxes=asked.most_boxes,
                least_score=asked.least_score,
                **self._where(x),
            )
        except NoTargetError as problem:
            self.say(f"{picture.name}: {problem}")
            return []
        return [replace(heat, box=_box_of(target, x)) for target, heat in found]

    def _where(self, x: Tensor) -> dict[str, Any]:
        """Return the method, and the layers, which are found once for each size."""
        asked = self._asked
        if asked.method == "saliency":
            self.say("saliency: the gradient of the input itself.")
            return {
                "method": asked.method,
                "target_layers": asked.layers,
                "reshape_transform": asked.transform,
            }
        size = tuple(x.shape)
        if size not in self._watched:
            with _in_words_of_images(self._model, x):
                self._watched[size] = self._found(x)
        watched = self._watched[size]
        self.say(f"{asked.method}: {next(iter(self._watched.values())).reason}")
        return {"method": asked.method, "target_layers": watched}

    def _found(self, x: Tensor) -> Watched:
        """Return the layers to look at in images of one size.

        They are found by the first image, as only maps of one layer compare.
        """
        asked = self._asked
        if asked.layers is not None:
            return chosen_layers(self._model, asked.layers, x, asked.transform)
        for first in self._watched.values():
            return chosen_layers(self._model, first.paths, x, asked.transform)
        found = default_layers(self._model, x)
        return (
            found
            if asked.transform is None
            else replace(found, transform=asked.transform)
        )


@contextmanager
def _in_words_of_images(model: nn.Module, x: Tensor) -> Iterator[None]:
    """Say of a network that does not run with an image how it could."""
    try:
        yield
    except OptionError as problem:
        cause = problem.__cause__
        if cause is None or " does not run with " not in str(problem):
            raise
        height, width = x.shape[2:]
        raise OptionError(
            f"look: {type(model).__name__} does not run with an image that was "
            f"resized to {height}x{width}: {_traces.seen(cause)}. If it takes one size "
            "only, give that as height and width, such as size=(224, 224), on the "
            "command line --size 224x224."
        ) from cause


def _box_of(target: Target, x: Tensor) -> tuple[float, float, float, float] | None:
    """Return the box of a target as shares of width and height."""
    if target.box is None:
        return None
    height, width = x.shape[2:]
    left, top, right, bottom = target.box
    return left / width, top / height, right / width, bottom / height
