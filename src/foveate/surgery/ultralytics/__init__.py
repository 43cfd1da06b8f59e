"""Blocks in Ultralytics' YOLO: a trainer that keeps them, and rows for its YAML.

A built model, ``YOLO("yolo11n.yaml").model``, is a host as any other: ``fv.graft``.
This file is for what is special there. It has no code of Ultralytics.
"""

from __future__ import annotations

from foveate.surgery.ultralytics._rows import register
from foveate.surgery.ultralytics._trainer import trainer

__all__ = ["register", "trainer"]
