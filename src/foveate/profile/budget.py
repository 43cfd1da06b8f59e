"""Warn before something takes more memory than it may."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from foveate.errors import CostWarning
from foveate.profile._checking import check_shapes
from foveate.profile.following import predicted_or_none
from foveate.records import Memory
from foveate.surgery.running import device_and_dtype

__all__ = ["free_bytes", "too_much", "warn", "warn_if_over"]

CONTAINER = Path("/sys/fs/cgroup")
UNITS = (("TiB", 2**40), ("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10))


def warn_if_over(
    model: nn.Module,
    *shapes: Sequence[int],
    budget_bytes: int | None = None,
    training: bool = False,
) -> Memory | None:
    """Warn if a block or network would take more memory than a budget, running neither.

    Pairwise blocks are those to ask: what some of them hold grows with the square of
    the places of a map.

    Args:
        model: Takes one feature map or a batch of images, or several as a fusion does.
        *shapes: Of each of its inputs, ``(B, C, H, W)``.
        budget_bytes: What it may take; half of what is free on its device if not given.
        training: Whether what is kept for the backward pass counts too.

    Returns:
        What it would take; None if that cannot be told without running it.

    Raises:
        OptionError: There is no shape, or one is not four whole numbers greater than 0.

    Example:
        >>> from foveate import blocks
        >>> block = blocks.create("osra", 64)
        >>> found = warn_if_over(block, (1, 64, 40, 40), budget_bytes=2**30)
        >>> found.peak_bytes < 2**30
        True
    """
    check_shapes("warn_if_over", shapes)
    found = predicted_or_none(model, shapes)
    if found is None:
        return None
    device, _ = device_and_dtype(model)
    needed = max(found.peak_bytes, found.saved_bytes * training)
    why = too_much(needed, budget_bytes, device)
    if why is not None:
        sizes = " and ".join(str(tuple(shape)) for shape in shapes)
        warn(f"{type(model).__name__} on {sizes} {why}")
    return found


def too_much(
    needed_bytes: int, budget_bytes: int | None, device: torch.device
) -> str | None:
    """Return what is wrong with taking so much memory, and what would help, or None."""
    budget, said = budget_bytes, ""
    if budget is None:
        free = free_bytes(device)
        if free is None:
            return None
        budget, said = free // 2, f", half of what is free on {device.type}"
    if needed_bytes <= budget:
        return None
    return (
        f"would hold {_text(needed_bytes)} at once, more than the budget of "
        f"{_text(budget)}{said}. Less is held by a smaller map or batch, a later stage "
        "of the host, or, where the block has one, a larger reduction; budget_bytes= "
        "allows more."
    )


def warn(message: str, *, callers: int = 1) -> None:
    """Warn of a cost where the user asked, so many calls above this one."""
    warnings.warn(message, CostWarning, stacklevel=callers + 2)


def free_bytes(device: torch.device | str = "cpu") -> int | None:
    """Return how much memory could still be taken; None if the system does not say.

    Args:
        device: A CPU or a CUDA device.

    Example:
        >>> free_bytes("meta") is None
        True
    """
    device = torch.device(device)
    if device.type == "cuda":
        free: int = torch.cuda.mem_get_info(device)[0]
        return free
    if device.type != "cpu":
        return None
    known = [free for free in (_free_in_system(), _free_in_container()) if free]
    return min(known, default=None)


def _free_in_system() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        kib = next(line.split()[1] for line in lines if line.startswith("MemAvailable"))
        return int(kib) * 1024
    except (OSError, StopIteration, ValueError):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def _free_in_container() -> int | None:
    """Return what a container has left; None if it has no limit of its own."""
    try:
        limit = int((CONTAINER / "memory.max").read_text(encoding="ascii"))
        used = int((CONTAINER / "memory.current").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return max(limit - used, 0)


def _text(size: int) -> str:
    for unit, factor in UNITS:
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} bytes"
