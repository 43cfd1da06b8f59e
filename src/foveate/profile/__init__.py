"""What a network costs: parameters and multiply-accumulates."""

from __future__ import annotations

from foveate.profile.counting import block_cost, cost
from foveate.profile.planning import plan_cost

__all__ = ["block_cost", "cost", "plan_cost"]
