"""What networks, blocks and plans cost: size, work, time and memory."""

from __future__ import annotations

from foveate.profile.budget import free_bytes, warn_if_over
from foveate.profile.costing import cost
from foveate.profile.counting import block_cost, count
from foveate.profile.following import memory, peak_bytes, saved_bytes
from foveate.profile.grafted import overheads
from foveate.profile.planning import plan_cost
from foveate.profile.timing import latency

__all__ = [
    "block_cost",
    "cost",
    "count",
    "free_bytes",
    "latency",
    "memory",
    "overheads",
    "peak_bytes",
    "plan_cost",
    "saved_bytes",
    "warn_if_over",
]
