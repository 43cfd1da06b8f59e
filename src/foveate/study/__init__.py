"""From a recipe to runs, and from runs to a summary."""

from __future__ import annotations

from foveate.study.comparison import (
    Comparison,
    compare,
    default_folder,
    open_comparison,
)
from foveate.study.executor import Event, Executor, LocalProcesses
from foveate.study.folders import Folder
from foveate.study.looking_at import look_at
from foveate.study.looks import look
from foveate.study.planning import grid
from foveate.study.recipes import load_recipe, shipped_recipes
from foveate.study.summaries import summarise
from foveate.study.training import train

__all__ = [
    "Comparison",
    "Event",
    "Executor",
    "Folder",
    "LocalProcesses",
    "compare",
    "default_folder",
    "grid",
    "load_recipe",
    "look",
    "look_at",
    "open_comparison",
    "shipped_recipes",
    "summarise",
    "train",
]
