"""Weights of other people's code, loaded into our blocks and written back, exactly."""

from __future__ import annotations

from foveate.interop._layouts import SOURCES, sources
from foveate.interop._outcome import Loaded
from foveate.interop.loading import dump, load

__all__ = ["SOURCES", "Loaded", "dump", "load", "sources"]
