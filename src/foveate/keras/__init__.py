"""Every block and fusion of the catalogue as a Keras layer, on any backend of Keras 3.

It imports no PyTorch. The files of this folder are found, not listed: a new layer is
one new file. What a file names in ``__all__`` is public here.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

from foveate.errors import MissingExtraError

try:
    import keras  # noqa: F401
except ModuleNotFoundError as problem:
    if problem.name != "keras":
        raise
    raise MissingExtraError.of("keras", "keras") from None

from foveate.keras._base import Gate, Layer, SigmoidGate
from foveate.keras._fusion import Fusion
from foveate.keras._registry import create, layer_class

__all__ = ["Fusion", "Gate", "Layer", "SigmoidGate", "create", "layer_class"]

for _found in pkgutil.iter_modules(__path__):
    if not _found.name.startswith("_"):
        _module = importlib.import_module(f"{__name__}.{_found.name}")
        globals().update({name: getattr(_module, name) for name in _module.__all__})
        __all__ += _module.__all__

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Let type checkers know that the layers are here."""
