"""What a network costs: parameters and multiply-accumulates."""

from __future__ import annotations

from foveate.profile.counting import block_cost, cost

__all__ = ["block_cost", "cost"]
