"""Which numbers of a run reach what the project promises."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

from benchmarks.results import FORWARD, TRAINING, CrissCross, Race, Results
from benchmarks.statistics import Verdict, at_least, at_most, geometric_mean
from foveate import blocks

__all__ = ["gates", "verdicts"]

NO_SLOWER = 0.97
"""Above it two times count as equal."""
FLOORS = {"se": 1.4, "eca": 1.4, "simam": 2, "nam": 2, "cbam": 2, "coordinate": 2}
CRISS_CROSS_SIZE = (96, 96)
LARGEST_POWER = 1.1
HOSTS = ("se", "eca", "cbam", "simam", "coordinate")

Named = tuple[str, float]


def gates(names: Iterable[str]) -> tuple[str, ...]:
    """Return those blocks that multiply their input by a map.

    Shuffle attention is one: it moves the channels after that.
    """
    return tuple(
        name
        for name in names
        if name == "shuffle" or issubclass(blocks.block_class(name), blocks.Gate)
    )


def verdicts(results: Results) -> list[Verdict]:
    """Return a verdict on every promise of which something was measured."""
    return [
        *_against_textbook(results),
        *_against_peers(results),
        *_saved(results),
        *_against_compiled(results),
        *_floors(results),
        *_criss_cross(results),
        *_hosts(results),
    ]


def _against_textbook(results: Results) -> list[Verdict]:
    forward = _ratios(results, FORWARD, "textbook")
    training = _ratios(results, TRAINING, "textbook")
    return [
        *_mean("Forward against textbook, geometric mean of gates", forward, 3),
        *_worst("Forward against textbook, slowest gate", forward, NO_SLOWER),
        *_mean("Training against textbook, geometric mean of gates", training, 2.5),
    ]


def _against_peers(results: Results) -> list[Verdict]:
    return [
        verdict
        for peer in ("timm", "fightingcv")
        for verdict in _worst(
            f"Forward against {peer}, slowest layer",
            _ratios(results, FORWARD, peer, of_all=True),
            1.0,
        )
    ]


def _against_compiled(results: Results) -> list[Verdict]:
    ratios = [
        verdict
        for race in _of_gates(results, FORWARD)
        if (verdict := _fastest(race)) is not None
    ]
    claim = "Fastest of ours against compiled textbook, forward"
    return [
        *_mean(f"{claim}, geometric mean of gates", ratios, 1.3),
        *_worst(f"{claim}, slowest gate", ratios, NO_SLOWER),
    ]


def _fastest(race: Race) -> Named | None:
    if "textbook_compiled" not in race.times:
        return None
    ours = min(
        race.times[column].against_ours
        for column in ("ours", "ours_compiled")
        if column in race.times
    )
    return _where(race), race.times["textbook_compiled"].against_ours / ours


def _saved(results: Results) -> list[Verdict]:
    names = gates({saved.block for saved in results.saved})
    kept = [saved for saved in results.saved if saved.block in names]
    if not kept:
        return []
    shares = [s.copies["ours"] / s.copies["textbook"] for s in _with_textbook(kept)]
    largest = max(kept, key=lambda saved: saved.copies["ours"])
    return [
        at_most(
            "Saved bytes against textbook, geometric mean of gates",
            geometric_mean(shares),
            0.4,
        ),
        at_most(
            "Saved bytes in copies of the input, largest gate",
            largest.copies["ours"],
            1.1,
            f"{largest.block} at {_shape(largest.shape)}",
        ),
    ]


def _floors(results: Results) -> list[Verdict]:
    found = []
    for name, target in FLOORS.items():
        over = [
            (_where(race), min(race.over_floor.values()))
            for race in _of_gates(results, FORWARD)
            if race.block == name and race.over_floor
        ]
        if over:
            where, value = max(over, key=lambda one: one[1])
            claim = f"Forward of {name} over its floor, slowest shape"
            found.append(at_most(claim, value, target, where))
    return found


def _criss_cross(results: Results) -> list[Verdict]:
    found = []
    for size in results.criss_cross:
        if size.size == CRISS_CROSS_SIZE:
            below = size.extra_bytes["textbook"] / max(size.extra_bytes["ours"], 1)
            speed = size.times["textbook"].against_ours
            training = size.training_times["textbook"].against_ours
            found = [
                at_least("Criss-cross at 96x96, extra memory below textbook", below, 8),
                at_least("Criss-cross at 96x96, forward against textbook", speed, 1),
                at_least(
                    "Criss-cross at 96x96, training against textbook", training, 1
                ),
            ]
    powers = [_power(*pair) for pair in pairwise(results.criss_cross)]
    if powers:
        claim = "Criss-cross, power of H*W with which extra memory grows, largest step"
        found.append(at_most(claim, max(powers), LARGEST_POWER))
    return found


def _power(small: CrissCross, large: CrissCross) -> float:
    """Return with which power of the places memory grows: 1 is linear."""
    bytes_ = large.extra_bytes["ours"] / small.extra_bytes["ours"]
    return math.log(bytes_) / math.log(math.prod(large.size) / math.prod(small.size))


def _hosts(results: Results) -> list[Verdict]:
    return [
        at_most(
            f"What {host.block} adds to {host.host}, over what textbook adds",
            host.share_of_textbook,
            0.5,
        )
        for host in results.hosts
        if host.block in HOSTS
    ]


def _mean(claim: str, ratios: Sequence[Named], target: float) -> list[Verdict]:
    if not ratios:
        return []
    return [at_least(claim, geometric_mean([ratio for _, ratio in ratios]), target)]


def _worst(claim: str, ratios: Sequence[Named], target: float) -> list[Verdict]:
    if not ratios:
        return []
    where, value = min(ratios, key=lambda one: one[1])
    return [at_least(claim, value, target, where)]


def _ratios(
    results: Results, mode: str, column: str, *, of_all: bool = False
) -> list[Named]:
    """Return the time of a candidate over ours, for each shape of each gate."""
    races: Callable[[Results, str], list[Race]] = _of_all if of_all else _of_gates
    return [
        (_where(race), race.times[column].against_ours)
        for race in races(results, mode)
        if column in race.times
    ]


def _of_all(results: Results, mode: str) -> list[Race]:
    return [race for race in results.races if race.mode == mode]


def _of_gates(results: Results, mode: str) -> list[Race]:
    names = gates({race.block for race in results.races})
    return [race for race in _of_all(results, mode) if race.block in names]


def _with_textbook(kept: Iterable) -> list:
    return [saved for saved in kept if "textbook" in saved.copies]


def _where(race: Race) -> str:
    return f"{race.block} at {_shape(race.shape)}"


def _shape(shape: Sequence[int]) -> str:
    return "x".join(str(side) for side in shape)
