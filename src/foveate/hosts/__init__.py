"""Networks by name: ours, those of the model libraries, and the user's own."""

from __future__ import annotations

from foveate.hosts.loading import load
from foveate.hosts.shapes import example_shape
from foveate.hosts.weights import load_weights

__all__ = ["example_shape", "load", "load_weights"]
