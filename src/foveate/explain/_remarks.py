"""What one should know of the maps of blocks, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from foveate import _checks
from foveate.explain._calls import Call
from foveate.explain._effective import CHANNEL, SPATIAL, Effect, Effort, Shown
from foveate.pictures.views import Views
from foveate.surgery.attention import Attention

__all__ = ["Remarks"]

MOST_NAMES = 4

HIDDEN: dict[Shown, tuple[str, ...]] = {
    "unseen": (CHANNEL, SPATIAL),
    "constant": (SPATIAL,),
    "channel": (SPATIAL,),
    "spatial": (CHANNEL,),
    "both": (),
    "none": (CHANNEL, SPATIAL),
}
"""Which measured gates are not shown."""

EFFECT = "of what the layer does beyond multiplying an image by one number"
MEASURED = "measured from what goes in and comes out"


class Remarks:
    """Gathers remarks on blocks; what is said of several is one sentence."""

    def __init__(self) -> None:
        self._said: dict[str, dict[str, None]] = {}
        self._efforts: dict[tuple[str, str], Effort] = {}
        self._ran: set[str] = set()

    def add(self, name: str, says: str) -> None:
        """Remember what is to be said of a block."""
        self._said.setdefault(says, {})[name] = None

    def ran(self, call: Call) -> None:
        """Remember that a block ran, and what its graft lets through."""
        attention = call.attention
        self._ran.add(attention.path)
        if attention.amount == 0:
            self.add(
                call.name,
                "not let in yet: the amount of the blend is 0, so the network computes "
                "what it would without it, whatever the maps show",
            )
        if attention.factor > 1:
            self.add(
                call.name,
                "multiplied by 2 for each gate (start='gate'), so that a gate of one "
                "half changes nothing",
            )

    def views(self, call: Call, views: Views) -> None:
        """Remember what the maps of a block did not show, or not as they are."""
        for unknown in views.unknown:
            self.add(
                call.name, f"map {unknown} left out, as it is not known how to show it"
            )
        if "parts" in views.branches:
            self.add(
                call.name,
                "no weights; the shares of branches are those of the mean size of what "
                "each adds",
            )

    def effect(self, call: Call, effect: Effect) -> None:
        """Remember how much of a layer's effect its measured gates explain."""
        key = (call.where, call.attention.type)
        self._efforts[key] = self._efforts.get(key, Effort()).plus(effect.effort)
        if effect.effort.shown() == "unseen":
            return
        channels, places = effect.silent
        if channels:
            self.add(call.name, "channels that come in as only 0 have no gate there")
        if places:
            self.add(
                call.name,
                "places that come in as only 0 have no gate; they are shown as the "
                "number that the whole image is multiplied by",
            )

    def count(self, name: str, rows: Sequence[Any], images: int) -> None:
        """Remember a block that did not run for every image."""
        seen = sum(map(len, rows))
        if seen < images:
            self.add(name, f"ran for {seen} of the {images} images")

    def hidden(self) -> set[tuple[str, str]]:
        """Return the place and source of gates that are not worth showing."""
        return {
            (where, source)
            for (where, _), effort in self._efforts.items()
            for source in HIDDEN[effort.shown()]
        }

    def sentences(self, host: str, found: Sequence[Attention]) -> tuple[str, ...]:
        """Return all remarks; what to do where a network has nothing to show."""
        if not found:
            return (
                f"{host} has no blocks of ours, nor any that are known of other "
                "libraries; attention that is a layer of the network itself, as in "
                "transformers, is not shown. Graft one: fv.graft(model, 'cbam', "
                "at=..., example=...), or take a network that has one, such as "
                "fv.backbones.resnet18(attention='cbam').",
            )
        for each in found:
            if each.path not in self._ran:
                self.add(f"{each.where} ({each.type})", "did not run on these images")
        remarks = [
            f"{_checks.cut(list(names), most=MOST_NAMES)}: {says}."
            for says, names in self._said.items()
        ]
        return (*self._measured(), *remarks)

    def _measured(self) -> list[str]:
        """Return a sentence for all layers of a class that are shown alike."""
        alike: dict[tuple[str, Shown], dict[str, Effort]] = {}
        for (where, block), effort in self._efforts.items():
            alike.setdefault((block, effort.shown()), {})[where] = effort
        return [
            f"{block} ({_checks.cut(list(efforts), most=MOST_NAMES)}): "
            f"{_words(shown, list(efforts.values()))}."
            for (block, shown), efforts in alike.items()
        ]


def _words(shown: Shown, efforts: Sequence[Effort]) -> str:
    """Return in words what measured gates of layers tell."""
    by_channel, by_place = zip(*(e.explained() for e in efforts), strict=True)
    channel, place = _range(by_channel), _range(by_place)
    words: dict[Shown, str] = {
        "unseen": "not shown, as the layer gets only zeros, of which none is gated",
        "constant": (
            f"channel gates {MEASURED}; the layer multiplies all of an image by one "
            "number, so they are alike"
        ),
        "channel": f"channel gates {MEASURED}; they explain {channel} {EFFECT}",
        "spatial": f"spatial gates {MEASURED}; they explain {place} {EFFECT}",
        "both": (
            f"channel and spatial gates {MEASURED}; they explain {channel} and {place} "
            f"{EFFECT}, so each is a summary"
        ),
        "none": (
            f"not shown, as channel and spatial gates explain only {channel} and "
            f"{place} {EFFECT}"
        ),
    }
    return words[shown]


def _range(shares: Sequence[float]) -> str:
    """Return in percent, rounded down, how low and high shares are.

    Example:
        >>> _range([1.0, 0.9996]), _range([0.25])
        ('99 to 100 %', '25 %')
    """
    low, high = int(100 * min(shares) + 1e-9), int(100 * max(shares) + 1e-9)
    return f"{low} %" if low == high else f"{low} to {high} %"
