"""Put blocks into any host, with no edit of its source and nothing lost."""

from __future__ import annotations

from foveate.surgery.finding import sites
from foveate.surgery.grafting import graft, planned, prune
from foveate.surgery.planning import plan

__all__ = ["graft", "plan", "planned", "prune", "sites"]
