"""Put blocks into any host, with no edit of its source and nothing lost."""

from __future__ import annotations

from foveate.surgery import ultralytics
from foveate.surgery._weights_file import has_plan
from foveate.surgery.finding import sites
from foveate.surgery.grafting import graft, planned, prune
from foveate.surgery.host_weights import host_state_dict, load_host
from foveate.surgery.planning import plan
from foveate.surgery.reporting import grafts
from foveate.surgery.swapping import swap
from foveate.surgery.training import freeze_host, parameter_groups
from foveate.surgery.weights import load, save

__all__ = [
    "freeze_host",
    "graft",
    "grafts",
    "has_plan",
    "host_state_dict",
    "load",
    "load_host",
    "parameter_groups",
    "plan",
    "planned",
    "prune",
    "save",
    "sites",
    "swap",
    "ultralytics",
]
