"""The doctor: the checks that every good attention or fusion block passes."""

from __future__ import annotations

from foveate.checkup._check import Check
from foveate.checkup._target import Target
from foveate.checkup.examining import doctor
from foveate.checkup.registry import CHECKS
from foveate.checkup.testing import parametrize_with_checks

__all__ = ["CHECKS", "Check", "Target", "doctor", "parametrize_with_checks"]
