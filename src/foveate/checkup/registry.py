"""Every check, in order: those that others rest on come first."""

from __future__ import annotations

from foveate.checkup import (
    answering,
    building,
    copying,
    devices,
    graphs,
    hard_inputs,
    learning,
    manners,
    memory,
    precision,
    starting,
)
from foveate.checkup._check import Check

__all__ = ["CHECKS"]

CHECKS: tuple[Check, ...] = (
    *answering.CHECKS,
    *building.CHECKS,
    *manners.CHECKS,
    *precision.CHECKS,
    *learning.CHECKS,
    *hard_inputs.CHECKS,
    *memory.CHECKS,
    *starting.CHECKS,
    *copying.CHECKS,
    *devices.CHECKS,
    *graphs.CHECKS,
)
