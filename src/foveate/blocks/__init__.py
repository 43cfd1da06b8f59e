"""Every block of the catalogue as a PyTorch module.

The files of this folder are found, not listed: a new block is one new file.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

from foveate.blocks import _registry
from foveate.blocks._base import Block, Gate, SigmoidGate
from foveate.blocks._registry import block_class, create

for _module in pkgutil.iter_modules(__path__):
    if not _module.name.startswith("_"):
        importlib.import_module(f"{__name__}.{_module.name}")

globals().update({cls.__name__: cls for cls in _registry.CLASSES.values()})

__all__ = ["Block", "Gate", "SigmoidGate", "block_class", "create"]
__all__ += [cls.__name__ for cls in _registry.CLASSES.values()]

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Let type checkers know that the block classes are here."""
