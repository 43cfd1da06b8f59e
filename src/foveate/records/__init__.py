"""What one stage hands to the next: typed, frozen, each with a file of its own."""

from __future__ import annotations

from foveate.records._record import Part, Record, whole_file, write_atomically
from foveate.records.choice import BlockChoice, PlanChoice
from foveate.records.cost import (
    Cost,
    Latency,
    Memory,
    Overhead,
    Overheads,
    PlanCost,
    Quartiles,
)
from foveate.records.diagnosis import Diagnosis, Finding, Outcome
from foveate.records.gallery import Gallery, GalleryCell, GalleryRow
from foveate.records.grafts import MOST_LOOKED_AT, GraftedBlock, Grafts, name_places
from foveate.records.host import Host
from foveate.records.interval import Interval, Verdict
from foveate.records.look import (
    LOOK_METRICS,
    LookMetric,
    LookRow,
    Looks,
    LookScore,
    Unseen,
)
from foveate.records.plan import Place, Plan, Refusal, Start
from foveate.records.recipe import PLAIN, Data, Recipe, Slot, Training
from foveate.records.run import Epoch, Grid, Machine, Result, Run
from foveate.records.site import POSITIONS, MapShape, Position, Site, Sites
from foveate.records.summary import (
    MOST_SEEDS,
    Curve,
    Failure,
    Noise,
    Row,
    Summary,
)

__all__ = [
    "LOOK_METRICS",
    "MOST_LOOKED_AT",
    "MOST_SEEDS",
    "PLAIN",
    "POSITIONS",
    "BlockChoice",
    "Cost",
    "Curve",
    "Data",
    "Diagnosis",
    "Epoch",
    "Failure",
    "Finding",
    "Gallery",
    "GalleryCell",
    "GalleryRow",
    "GraftedBlock",
    "Grafts",
    "Grid",
    "Host",
    "Interval",
    "Latency",
    "LookMetric",
    "LookRow",
    "LookScore",
    "Looks",
    "Machine",
    "MapShape",
    "Memory",
    "Noise",
    "Outcome",
    "Overhead",
    "Overheads",
    "Part",
    "Place",
    "Plan",
    "PlanChoice",
    "PlanCost",
    "Position",
    "Quartiles",
    "Recipe",
    "Record",
    "Refusal",
    "Result",
    "Row",
    "Run",
    "Site",
    "Sites",
    "Slot",
    "Start",
    "Summary",
    "Training",
    "Unseen",
    "Verdict",
    "name_places",
    "whole_file",
    "write_atomically",
]
