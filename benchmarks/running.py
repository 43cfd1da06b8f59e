"""Run all benchmarks, one after the other, and say so on stderr."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter

import torch

from benchmarks import criss_cross, hosts, measuring, textbook
from benchmarks.machine import describe, keep_freed_memory
from benchmarks.results import FORWARD, TRAINING, Results
from benchmarks.targets import gates
from benchmarks.testing import refusals
from foveate import ops

__all__ = ["SECTIONS", "SHAPES", "Request", "run"]

SHAPES = ((8, 256, 56, 56), (8, 512, 28, 28), (1, 64, 160, 160), (32, 64, 112, 112))
SECTIONS = ("blocks", "saved", "criss_cross", "hosts")
SECONDS_OF_A_HOST = 10.0


@dataclass(frozen=True)
class Request:
    """What to measure, and how.

    Attributes:
        blocks: Names.
        shapes: ``(B, C, H, W)``; the first is the one that is looked at most closely.
        sections: Of ``SECTIONS``.
        compiled: Whether to compile too: forward at every shape, training at the first.
        contracts: Whether a block must keep all promises of blocks to be reported, or
            only pass its own tests.
        path: Of the operations of foveate while they are measured.
        settings: Of each race.
    """

    blocks: tuple[str, ...] = tuple(textbook.FORMS)
    shapes: tuple[tuple[int, ...], ...] = SHAPES
    sections: tuple[str, ...] = SECTIONS
    compiled: bool = True
    contracts: bool = True
    path: str = "fastest"
    settings: measuring.Settings = field(default_factory=measuring.Settings)


def run(request: Request, keep: Callable[[Results], None] | None = None) -> Results:
    """Return what was measured.

    Args:
        request: What to measure.
        keep: Called after each shape, size and host with what there is, lest a run
            that is ended from outside loses all.
    """
    settings = request.settings
    torch.manual_seed(0)
    kept = keep_freed_memory()
    machine = describe(settings.device, settings.dtype, kept=kept, path=request.path)
    results = Results(machine)
    _say(f"testing {len(request.blocks)} blocks")
    results.refused.update(refusals(request.blocks, contracts=request.contracts))
    for name, why in results.refused.items():
        _say(f"refused: {name}: {why}")
    # tests run on a CPU, where not every path can
    with ops.using(request.path):
        _measure(results, request, keep or _forget)
    return results


def _forget(_: Results) -> None:
    """Keep nothing on the way."""


def _measure(
    results: Results, request: Request, keep: Callable[[Results], None]
) -> None:
    settings = request.settings
    green = [name for name in request.blocks if name not in results.refused]
    if {"blocks", "saved"} & set(request.sections):
        for shape in request.shapes:
            _measure_shape(results, green, shape, request)
            keep(results)
    if "criss_cross" in request.sections and "criss_cross" in green:
        for size in criss_cross.SIZES:
            _say(f"criss_cross at {size}")
            results.criss_cross.append(criss_cross.measure(size, settings))
            keep(results)
    if "hosts" in request.sections:
        for name in [name for name in hosts.BLOCKS if name in green]:
            _say(f"{name} in a whole network")
            found = hosts.measure(name, settings, seconds=SECONDS_OF_A_HOST)
            results.hosts.append(found)
            keep(results)


def _measure_shape(
    results: Results, names: Sequence[str], shape: tuple[int, ...], request: Request
) -> None:
    first = shape == request.shapes[0]
    for name in names:
        if name in results.refused:
            continue
        try:
            _measure_block(results, name, shape, request, first=first)
        # one that does not agree, compile or fit must not cost what all others took
        except (ValueError, RuntimeError, MemoryError) as problem:
            _say(f"refused: {problem}")
            results.refused[name] = str(problem)
            results.races = [race for race in results.races if race.block != name]
            results.saved = [saved for saved in results.saved if saved.block != name]
        gc.collect()


def _measure_block(
    results: Results,
    name: str,
    shape: tuple[int, ...],
    request: Request,
    *,
    first: bool,
) -> None:
    settings = request.settings
    gate = bool(gates([name]))
    if not (gate or first):
        _say(f"{name} at {shape}: left out, products rule its time at every shape")
        return
    if "blocks" in request.sections:
        for mode in (FORWARD, TRAINING):
            start = perf_counter()
            # compiling takes longer than measuring, and products rule other blocks
            worthwhile = mode == FORWARD or (first and gate)
            race = measuring.measure_race(
                name,
                shape,
                mode,
                settings,
                compiled=request.compiled and worthwhile,
            )
            results.races.append(race)
            took = perf_counter() - start
            times = ", ".join(
                f"{column} {time.median_ms:.2f}" for column, time in race.times.items()
            )
            _say(f"{name} {mode} at {shape}: {times} ms ({took:.0f} s)")
    if "saved" in request.sections:
        results.saved.append(measuring.measure_saved(name, shape, settings))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
