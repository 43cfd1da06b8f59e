"""Where a run is trained."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from foveate.records import Machine

__all__ = ["distinct", "machine_of"]


def distinct(machines: Iterable[Machine]) -> tuple[Machine, ...]:
    """Return each machine once, with the versions of all packages used on it.

    A run knows the packages that its own network comes from, so two runs of one machine
    may name different ones; what both name has the same version.
    """
    found: list[Machine] = []
    for machine in machines:
        like = next((place for place, m in enumerate(found) if _same(m, machine)), None)
        if like is None:
            found.append(machine)
        else:
            both = {**found[like].versions, **machine.versions}
            found[like] = machine.model_copy(update={"versions": both})
    return tuple(found)


def _same(one: Machine, other: Machine) -> bool:
    shared = one.versions.keys() & other.versions.keys()
    without: dict[str, Any] = {"versions": {}}
    return one.model_copy(update=without) == other.model_copy(update=without) and all(
        one.versions[package] == other.versions[package] for package in shared
    )


def machine_of(device: torch.device, packages: dict[str, str]) -> Machine:
    """Return this machine.

    Args:
        device: What trains.
        packages: The versions of the packages that numbers depend on.
    """
    if device.type == "cuda":
        processor = torch.cuda.get_device_name(device)
    else:
        processor = _cpu_name()
    return Machine(
        processor=processor,
        system=f"{platform.system()} {platform.machine()}",
        cores=os.cpu_count() or 1,
        versions=packages,
    )


def _cpu_name() -> str:
    """Return the name of the CPU, as far as the system tells it."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
