"""What a run of the benchmarks found, and its file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.machine import Machine
from benchmarks.racing import Time

__all__ = [
    "FORWARD",
    "TRAINING",
    "CrissCross",
    "Host",
    "Race",
    "Results",
    "Saved",
    "load",
    "save",
]

SCHEMA = 1
FORWARD, TRAINING = "forward", "training"


@dataclass(frozen=True)
class Race:
    """The times of one block at one shape.

    Attributes:
        block: Its name.
        shape: ``(B, C, H, W)``.
        mode: ``forward``, without gradients in evaluation, or ``training``, forward and
            backward.
        times: By candidate, and of two passes over a map of this shape into memory that
            is there already: ``copy``, ``torch.mul(x, s, out=y)``, which reads and
            writes once, and ``sigmoid``, ``torch.sigmoid(x, out=y)``.
        over_floor: By candidate, its time over what no implementation can be faster
            than, the median of rounds; empty if that is not known.
        left_out: Why a candidate was not measured, by its name.
    """

    block: str
    shape: tuple[int, ...]
    mode: str
    times: Mapping[str, Time]
    over_floor: Mapping[str, float] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Saved:
    """What one block keeps from forward for backward.

    Attributes:
        block: Its name.
        shape: ``(B, C, H, W)``.
        copies: Bytes kept, in copies of the input, by candidate.
    """

    block: str
    shape: tuple[int, ...]
    copies: Mapping[str, float]


@dataclass(frozen=True)
class CrissCross:
    """Criss-cross attention at one size of map, ours and the textbook's.

    Attributes:
        size: ``(H, W)``, of one image of 64 channels.
        extra_bytes: The most bytes alive in a forward pass beyond weights, input and
            output, by candidate.
        training_bytes: The same for forward and backward, beyond weights and input.
        times: Of a forward pass.
        training_times: Of forward and backward.
    """

    size: tuple[int, int]
    extra_bytes: Mapping[str, int]
    training_bytes: Mapping[str, int]
    times: Mapping[str, Time]
    training_times: Mapping[str, Time]


@dataclass(frozen=True)
class Host:
    """What a block adds to a whole network, grafted after every residual block.

    Attributes:
        block: Its name.
        host: The network, such as ``resnet50``.
        shape: Of its input.
        plain_ms: The network without blocks.
        overhead_ms: What is added to that in the same round, the median, by candidate.
        iqr_ms: Between the quartiles of what is added, by candidate.
        rounds: How often each was measured.
    """

    block: str
    host: str
    shape: tuple[int, ...]
    plain_ms: float
    overhead_ms: Mapping[str, float]
    iqr_ms: Mapping[str, float]
    rounds: int

    @property
    def share_of_textbook(self) -> float:
        """What ours adds over what textbook adds; NaN if that is lost in the noise."""
        textbook = self.overhead_ms["textbook"]
        return self.overhead_ms["ours"] / textbook if textbook > 0 else math.nan


@dataclass
class Results:
    """All that one run found.

    Attributes:
        machine: Where.
        races: Times of blocks.
        saved: Memory of blocks.
        criss_cross: Criss-cross attention over growing maps.
        hosts: Overheads in whole networks.
        refused: Why a block is not reported, by its name.
    """

    machine: Machine
    races: list[Race] = field(default_factory=list)
    saved: list[Saved] = field(default_factory=list)
    criss_cross: list[CrissCross] = field(default_factory=list)
    hosts: list[Host] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


def save(results: Results, path: Path) -> None:
    """Write results as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = {"schema": SCHEMA, **asdict(results)}
    rounded = json.loads(json.dumps(data), parse_float=lambda text: _short(float(text)))
    path.write_text(json.dumps(rounded, indent=1) + "\n", encoding="utf-8")


def load(path: Path) -> Results:
    """Read results from JSON."""
    data = json.loads(path.read_text(encoding="utf-8"))
    if data.pop("schema") != SCHEMA:
        raise ValueError(f"{path}: is not of schema {SCHEMA}. Measure again.")
    return Results(
        machine=Machine(**data["machine"]),
        races=[Race(**_tupled(race)) for race in data["races"]],
        saved=[Saved(**_tupled(saved)) for saved in data["saved"]],
        criss_cross=[CrissCross(**_tupled(size)) for size in data["criss_cross"]],
        hosts=[Host(**_tupled(host)) for host in data["hosts"]],
        refused=data["refused"],
    )


def _short(value: float) -> float:
    return float(f"{value:.5g}")


def _tupled(data: dict[str, Any]) -> dict[str, Any]:
    """Return ``data`` with shapes and times as they were."""
    given = dict(data)
    for key in ("shape", "size"):
        if key in given:
            given[key] = tuple(given[key])
    for key in ("times", "training_times"):
        if key in given:
            given[key] = {name: Time(**time) for name, time in given[key].items()}
    return given
