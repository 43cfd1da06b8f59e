"""Measure one block at one shape: times of all candidates, and what they keep."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from benchmarks import peers
from benchmarks.agreement import create_both, distance
from benchmarks.machine import stopwatch
from benchmarks.racing import race, summarise
from benchmarks.results import FORWARD, TRAINING, Race, Saved
from benchmarks.statistics import median
from foveate import profile

__all__ = [
    "COLUMNS",
    "Settings",
    "forward_call",
    "measure_race",
    "measure_saved",
    "over_floor",
    "too_large",
    "training_call",
]

COPY, SIGMOID = "copy", "sigmoid"
OURS, OURS_COMPILED, TEXTBOOK = "ours", "ours_compiled", "textbook"
COMPILED = {OURS_COMPILED: OURS, "textbook_compiled": TEXTBOOK}
COLUMNS = (OURS, OURS_COMPILED, TEXTBOOK, "textbook_compiled", "timm", "fightingcv")

PASSES = {
    "se": 1.5,
    "eca": 1.5,
    "channel": 1.5,
    "spatial": 1.5,
    "cbam": 2.0,
    "joint_cbam": 1.5,
    "simam": 1.0,
    "nam": 1.0,
    "coordinate": 1.5,
    "shuffle": 1.5,
}
"""By block, the bytes that a forward pass must move; reading and writing once is 1.

A plane of SimAM stays in the cache between its reads. NAM has its statistics in
evaluation. Products dominate the other blocks.
"""
FULL_SIGMOID = ("simam", "nam")
"""Blocks with a sigmoid of every value."""

LARGEST_BYTES = 4 * 2**30
LARGEST_DISTANCE = {torch.float32: 1e-3}
LARGEST_DISTANCE_OF_HALVES = 3e-2


@dataclass(frozen=True)
class Settings:
    """How to measure.

    Attributes:
        seconds: Of one race, at least.
        device: ``cpu`` or ``cuda``.
        dtype: Of maps and weights.
    """

    seconds: float = 1.5
    device: str = "cpu"
    dtype: torch.dtype = torch.float32

    def randn(self, *shape: int) -> Tensor:
        """Return a map of random numbers."""
        return torch.randn(shape).to(self.device, self.dtype)


def over_floor(name: str, times: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return by how much each of ours is above what a forward pass must take.

    That is the bytes that must move or, where every value needs a sigmoid, one pass of
    that if it takes longer: both as they were in the same round.
    """
    if name not in PASSES:
        return {}
    floors = [PASSES[name] * copied for copied in times[COPY]]
    if name in FULL_SIGMOID:
        floors = [max(pair) for pair in zip(floors, times[SIGMOID], strict=True)]
    return {
        column: median(
            [took / floor for took, floor in zip(times[column], floors, strict=True)]
        )
        for column in (OURS, OURS_COMPILED)
        if column in times
    }


def too_large(name: str, shape: tuple[int, ...]) -> bool:
    """Tell whether the textbook form of a block has matrices that do not fit."""
    return _textbook_bytes(name, shape) > LARGEST_BYTES


def measure_race(
    name: str, shape: tuple[int, ...], mode: str, settings: Settings, *, compiled: bool
) -> Race:
    """Time a block and all that do the same.

    Raises:
        ValueError: Our numbers are not those of the textbook form at this shape.
    """
    modules, left_out = _candidates(name, shape)
    if compiled:
        modules |= _compiled(modules)
    x = settings.randn(*shape)
    gradient = settings.randn(*shape)
    calls: dict[str, Callable[[], object]] = {}
    for column in COLUMNS:
        if column in modules:
            module = _on(modules[column], settings).train(mode == TRAINING)
            calls[column] = (
                forward_call(module, x)
                if mode == FORWARD
                else training_call(module, x, gradient)
            )
    if TEXTBOOK in calls and mode == FORWARD:
        _refuse_other_numbers(name, calls, settings.dtype)
    passes = _passes(x, settings)
    times = race({**calls, **passes}, settings.seconds, stopwatch(settings.device))
    over = over_floor(name, times) if mode == FORWARD else {}
    return Race(name, shape, mode, summarise(times, OURS), over, left_out)


def _compiled(modules: Mapping[str, nn.Module]) -> dict[str, nn.Module]:
    torch._dynamo.reset()  # noqa: SLF001 - it has no public name
    return {
        column: torch.compile(
            copy.deepcopy(modules[source]), fullgraph=True, dynamic=False
        )
        for column, source in COMPILED.items()
        if source in modules
    }


def _passes(x: Tensor, settings: Settings) -> dict[str, Callable[[], object]]:
    """Return the passes over memory that all else is measured by."""
    y, gate = torch.zeros_like(x), settings.randn(*x.shape[:2], 1, 1)
    return {
        COPY: lambda: torch.mul(x, gate, out=y),
        SIGMOID: lambda: torch.sigmoid(x, out=y),
    }


def measure_saved(name: str, shape: tuple[int, ...], settings: Settings) -> Saved:
    """Count what a block, and what does the same, keeps for its backward pass."""
    modules, _ = _candidates(name, shape)
    x = settings.randn(*shape)
    copies = {
        column: profile.saved_bytes(
            module.to(settings.device, settings.dtype).train(), x
        )
        / x.nbytes
        for column, module in modules.items()
    }
    return Saved(name, shape, copies)


def forward_call(module: nn.Module, x: Tensor) -> Callable[[], Tensor]:
    """Return a forward pass without gradients."""

    def call() -> Tensor:
        with torch.no_grad():
            return module(x)

    return call


def training_call(
    module: nn.Module, x: Tensor, gradient: Tensor
) -> Callable[[], object]:
    """Return a forward and a backward pass, to the input and all parameters."""
    x = x.detach().requires_grad_()

    def call() -> None:
        x.grad = None
        module.zero_grad(set_to_none=True)
        module(x).backward(gradient)

    return call


def _on(module: nn.Module, settings: Settings) -> nn.Module:
    return module.to(settings.device, settings.dtype)


def _candidates(
    name: str, shape: tuple[int, ...]
) -> tuple[dict[str, nn.Module], dict[str, str]]:
    """Return the modules that do what a block does, and why others do not."""
    channels, size = shape[1], (shape[2], shape[3])
    ours, form = create_both(name, channels, size)
    modules, left_out = {OURS: ours}, {}
    if too_large(name, shape):
        needed = _textbook_bytes(name, shape) / 2**30
        left_out[TEXTBOOK] = f"needs {needed:.0f} GiB"
    else:
        modules[TEXTBOOK] = form
    makers: Mapping[str, Mapping[str, peers.Maker]] = {
        "timm": peers.TIMM,
        "fightingcv": peers.FIGHTINGCV,
    }
    for column, table in makers.items():
        if name not in table:
            left_out[column] = "has no such layer"
            continue
        try:
            modules[column] = table[name](channels)
        except ImportError as problem:
            left_out[column] = str(problem)
    return modules, left_out


def _textbook_bytes(name: str, shape: tuple[int, ...]) -> int:
    """Return the bytes of the large matrices of a textbook form, in float32."""
    batch, _, height, width = shape
    places = height * width
    if name == "soca":
        return 4 * (batch + 3) * places**2
    if name == "osra":
        reduced = -(-height // 2) * -(-width // 2)
        # 8 heads; products, scaled products and weights at once
        return 3 * 4 * 8 * batch * places * reduced
    return 0


def _refuse_other_numbers(
    name: str, calls: Mapping[str, Callable[[], object]], dtype: torch.dtype
) -> None:
    largest = LARGEST_DISTANCE.get(dtype, LARGEST_DISTANCE_OF_HALVES)
    truth = calls[TEXTBOOK]()
    for column in (OURS, *COMPILED):
        if column in calls and not (far := distance(calls[column](), truth)) <= largest:
            raise ValueError(f"{name}: {column} is {far:.1e} from the textbook form.")
