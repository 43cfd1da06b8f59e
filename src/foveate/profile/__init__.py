"""What a network costs: parameters and multiply-accumulates."""

from __future__ import annotations

from foveate.profile.counting import cost

__all__ = ["cost"]
