"""Every block and fusion of the catalogue as a PyTorch module.

The files of this folder are found, not listed: a new block is one new file. What a file
names in ``__all__`` is public here.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

from foveate.blocks._base import Block, Gate, SigmoidGate
from foveate.blocks._fusion import Fusion
from foveate.blocks._registry import block_class, create

__all__ = ["Block", "Fusion", "Gate", "SigmoidGate", "block_class", "create"]

for _found in pkgutil.iter_modules(__path__):
    if not _found.name.startswith("_"):
        _module = importlib.import_module(f"{__name__}.{_found.name}")
        globals().update({name: getattr(_module, name) for name in _module.__all__})
        __all__ += _module.__all__

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Let type checkers know that the block classes are here."""
