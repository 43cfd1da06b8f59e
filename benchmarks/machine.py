"""The machine that measures: its name, its threads, its memory, its clock."""

from __future__ import annotations

import ctypes
import platform
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from time import perf_counter

import torch

__all__ = ["Machine", "describe", "keep_freed_memory", "stopwatch"]

PACKAGES = ("foveate", "torch", "triton", "timm", "fightingcv_attention")

# of glibc's malloc.h
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGEST_MAP = 2**30
NEVER = 2**31 - 1


@dataclass(frozen=True)
class Machine:
    """Where numbers come from.

    Attributes:
        name: The processor or the graphics card.
        device: ``cpu`` or ``cuda``.
        dtype: Type of all maps and weights.
        threads: How many threads torch uses.
        memory: ``kept``: freed memory stays with the process, so that no candidate pays
            for new pages; ``returned``: as the system does it.
        versions: Of the packages that numbers depend on.
        path: Of the operations of foveate: ``fastest``, or the one that was asked for.
    """

    name: str
    device: str
    dtype: str
    threads: int
    memory: str
    versions: dict[str, str]
    path: str = "fastest"

    @property
    def slug(self) -> str:
        """The name for files: ``cpu-amd-epyc``."""
        words = re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")
        dtype = "" if self.dtype == "float32" else f"-{self.dtype}"
        path = "" if self.path == "fastest" else f"-{self.path}"
        return f"{self.device}-{words}{dtype}{path}"


def describe(
    device: str, dtype: torch.dtype, *, kept: bool, path: str = "fastest"
) -> Machine:
    """Return what is known of this machine."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return Machine(
        name=torch.cuda.get_device_name() if device == "cuda" else _processor(),
        device=device,
        dtype=str(dtype).removeprefix("torch."),
        threads=torch.get_num_threads(),
        memory="kept" if kept else "returned",
        versions=versions,
        path=path,
    )


def keep_freed_memory() -> bool:
    """Let freed memory stay with the process; tell whether that was possible.

    By default glibc gives large blocks back to the system at once. Each new map then
    costs its candidate thousands of page faults, several times what the arithmetic
    takes, or none at all, depending on what ran before. Servers and training jobs keep
    memory, by their allocator or by holding many maps.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    library = ctypes.CDLL(None)
    return bool(
        library.mallopt(M_MMAP_THRESHOLD, LARGEST_MAP)
        and library.mallopt(M_TRIM_THRESHOLD, NEVER)
    )


def stopwatch(device: str) -> Callable[[Callable[[], object]], float]:
    """Return what measures the milliseconds of a call on ``device``."""
    return _on_cuda if device == "cuda" else _on_cpu


def _on_cpu(call: Callable[[], object]) -> float:
    start = perf_counter()
    call()
    return (perf_counter() - start) * 1e3


def _on_cuda(call: Callable[[], object]) -> float:
    start = torch.cuda.Event(enable_timing=True)
    end = torch.cuda.Event(enable_timing=True)
    start.record()
    call()
    end.record()
    end.synchronize()
    return start.elapsed_time(end)


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        found = re.search(r"model name\s*:\s*(.+)", cpuinfo.read_text())
        if found:
            return found[1]
    return platform.processor() or platform.machine()
