"""The bytes that are alive at the peak of a call, as the allocator sees them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.profiler import ProfilerActivity, profile

__all__ = ["peak_bytes"]


def peak_bytes(call: Callable[[], object], device: str) -> int:
    """Return the most bytes that a call holds at once, beyond what there was before.

    What the call returns counts too.
    """
    if device == "cuda":
        torch.cuda.synchronize()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        call()
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated() - before
    call()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        answer = call()
    del answer
    events = [
        event
        for event in seen.profiler.kineto_results.events()
        if event.name() == "[memory]"
    ]
    alive = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        alive += event.nbytes()
        peak = max(peak, alive)
    return peak
