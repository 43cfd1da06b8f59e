"""Which options of a block would make weights fit, told from the keys and shapes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

__all__ = ["Seen", "hints_for"]


@dataclass(frozen=True)
class Seen:
    """What came, under our names.

    Attributes:
        taken: Keys of ours that their weights hold.
        missing: Keys of ours that they do not hold.
        added: Keys that they hold and this block does not have.
        shapes: Of keys of another shape, the shape that came and the one needed.
    """

    taken: Collection[str]
    missing: Collection[str]
    added: Collection[str]
    shapes: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]]

    def without(self, layer: str) -> Seen:
        """Return the same without what ``layer`` lacks or has in addition."""
        return Seen(
            self.taken,
            [key for key in self.missing if not _belongs(layer, key)],
            [key for key in self.added if not _belongs(layer, key)],
            self.shapes,
        )


@dataclass(frozen=True)
class Switch:
    """An option that says whether there is a layer."""

    layer: str
    present: str
    absent: str

    def hints(self, seen: Seen) -> Iterator[str]:
        """Yield the option that their having or lacking the layer speaks for."""
        missing = _some(self.layer, seen.missing)
        if _some(self.layer, seen.added) and not _some(self.layer, seen.taken):
            if not missing:
                yield self.present
        elif missing and not _some(self.layer, seen.taken):
            yield self.absent


@dataclass(frozen=True)
class Side:
    """An option that is a side of a weight, ``less`` than that by a number."""

    key: str
    dim: int
    option: str
    less: int = 0

    @property
    def layer(self) -> str:
        """The weight."""
        return self.key

    def hints(self, seen: Seen) -> Iterator[str]:
        """Yield the option with the side that came, if it is another."""
        for key, (came, needed) in seen.shapes.items():
            fits = _belongs(self.key, key) and len(came) == len(needed)
            if fits and came[self.dim] != needed[self.dim]:
                yield f"{self.option}={came[self.dim] - self.less}"
                return


@dataclass(frozen=True)
class Count:
    """An option that is the number of layers of one kind."""

    layer: str
    option: str

    def hints(self, seen: Seen) -> Iterator[str]:
        """Yield the option with their number of layers, if it is another."""
        came = _numbers(self.layer, [*seen.taken, *seen.added])
        ours = _numbers(self.layer, [*seen.taken, *seen.missing])
        if came and came != ours:
            yield f"{self.option}={len(came)}"


Hint = Switch | Side | Count


def _width(layer: str) -> tuple[Hint, ...]:
    return (
        Side(f"{layer}.weight", 0, "hidden_channels"),
        Side(f"{layer}.weight", 1, "channels"),
    )


def _bottleneck(at: str = "") -> tuple[Hint, ...]:
    return (Switch(f"{at}fc1.bias", "bias=True", "bias=False"), *_width(f"{at}fc1"))


def _fused(at: str = "") -> tuple[Hint, ...]:
    return (
        Switch(f"{at}fc_bn", "fc_norm=True", "fc_norm=False"),
        Switch(f"{at}fc.{{}}.bias", "fc_norm=True", "fc_norm=False"),
        Side(f"{at}project.conv.weight", 0, "channels"),
    )


HINTS: Mapping[str, tuple[Hint, ...]] = {
    "se": _bottleneck(),
    "channel": _bottleneck(),
    "soca": _width("fc1"),
    "eca": (Side("conv.weight", 2, "kernel_size"),),
    "spatial": (
        Switch("bn", "norm=True", "norm=False"),
        Switch("conv.bias", "bias=True", "bias=False"),
        Side("conv.weight", 2, "kernel_size"),
    ),
    "cbam": (
        Switch("spatial", "no_spatial=False", "no_spatial=True"),
        Switch("spatial.bn", "spatial_norm=True", "spatial_norm=False"),
        Switch("spatial.conv.bias", "spatial_bias=True", "spatial_bias=False"),
        Side("spatial.conv.weight", 2, "kernel_size"),
        *_bottleneck("channel."),
    ),
    "joint_cbam": (
        Side("spatial.conv.weight", 2, "kernel_size"),
        *_width("channel.fc1"),
    ),
    "coordinate": (
        Switch("conv1.bias", "bias=True", "bias=False"),
        Switch("bn1", "norm_layer='batch_norm'", "norm_layer='identity'"),
        *_width("conv1"),
    ),
    "gam": (
        Side("spatial.conv1.weight", 2, "kernel_size"),
        Side("channel.fc1.weight", 1, "channels"),
    ),
    "nam": (
        Switch("spatial_bn", "spatial_size=(H, W)", "spatial_size=None"),
        Side("channel_bn.weight", 0, "channels"),
    ),
    "criss_cross": _width("query"),
    "osra": (
        Switch("sr", "sr_ratio=2 or more", "sr_ratio=1"),
        Side("sr.conv1.weight", 2, "sr_ratio", less=3),
        Side("q.weight", 1, "channels"),
    ),
    "s2": (Side("expand.weight", 1, "channels"),),
    "safm": (Count("levels", "n_levels"), Side("aggr.weight", 0, "channels")),
    "sk": (
        Switch("attn.bn", "fc_norm=True", "fc_norm=False"),
        Switch("attn.fc1.bias", "fc_bias=True", "fc_bias=False"),
        Switch("branches.{}.conv.bias", "conv_bias=True", "conv_bias=False"),
        *_width("attn.fc1"),
    ),
    "gated": (Side("fc1.weight", 0, "channels"),),
    "msf": (Count("fc", "num_inputs"), *_fused()),
    "mfe": _fused("msf."),
    "csf": (Switch("up", "upsample=2", "upsample=1"), *_width("fc1.conv")),
}


def hints_for(block: str, seen: Seen) -> tuple[str, ...]:
    """Return the options, such as ``bias=True``, that the weights speak for.

    What one hint explains, such as a half that is left out, no later one explains.
    """
    hints: list[str] = []
    for hint in HINTS.get(block, ()):
        more = list(hint.hints(seen))
        if more:
            hints += more
            seen = seen.without(hint.layer)
    return tuple(dict.fromkeys(hints))


@cache
def _pattern(layer: str) -> re.Pattern[str]:
    return re.compile(re.escape(layer).replace(r"\{\}", r"\d+") + r"(\.|$)")


def _belongs(layer: str, key: str) -> bool:
    return _pattern(layer).match(key) is not None


def _some(layer: str, keys: Collection[str]) -> bool:
    return any(_belongs(layer, key) for key in keys)


def _numbers(layer: str, keys: Collection[str]) -> set[str]:
    matches = (re.match(rf"{re.escape(layer)}\.(\d+)\.", key) for key in keys)
    return {match[1] for match in matches if match is not None}
